package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** What cluster managers say of an executor that went: of its numbers only the exit code passes. */
class LossReasonTest {
    @Test
    void theExitCodePassesAndNoOtherNumber() {
        assertEquals("Command exited with code 137", LossReason.of("Command exited with code 137"));
        assertEquals("The executor with id ? exited with exit code 137(SIGKILL, possible container OOM).",
                LossReason.of("The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).\nmore"));
        assertEquals("Container marked as failed: container_17 on host: h. Exit status: 143. Diagnostics: ?",
                LossReason.of("Container marked as failed: container_17 on host: h. Exit status: 143. Diagnostics: 8472635"));
        assertEquals("Executor heartbeat timed out after ? ms", LossReason.of("Executor heartbeat timed out after 120000 ms"));
        assertEquals("exit code ?", LossReason.of("exit code 8472635"));
        assertEquals("exit code 3, then exit code ?", LossReason.of("exit code 3, then exit code 7"));
    }
}
