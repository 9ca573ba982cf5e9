package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.Properties;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.StageInfo;
import org.junit.jupiter.api.Test;
import scala.collection.JavaConverters;

class ActivityTest {
    private final Activity activity = new Activity();

    private Activity.Job start(int job, long execution) throws Throwable {
        Properties properties = new Properties();
        properties.setProperty("spark.sql.execution.id", String.valueOf(execution));
        return activity.jobStarted(new SparkListenerJobStart(job, 1L,
                JavaConverters.asScalaBuffer(Collections.<StageInfo>emptyList()).toList(), properties));
    }

    @Test
    void aJobThatNamesAnExecutionThatHasEndedHasNone() throws Throwable {
        assertEquals(7L, start(1, 7).executionId);
        assertEquals(1, activity.removeExecution(7).jobs.size());
        Activity.Job job = start(2, 7);
        assertTrue(job.late);
        assertNull(job.executionId);
        assertTrue(activity.removeExecution(7).jobs.isEmpty());
    }

    @Test
    void oneWhoseStartWasNotHeardOfIsNotOver() throws Throwable {
        activity.removeExecution(7);
        Activity.Job job = start(1, 6);
        assertFalse(job.late);
        assertEquals(6L, job.executionId);
    }

    @Test
    void whatHasEndedStaysSoAfterManyOthersAndWhatRunsGoesOn() throws Throwable {
        start(1, 5);
        for (long execution = 10; execution < 30_000; execution++) {
            activity.removeExecution(execution);
        }
        assertTrue(start(2, 10).late);
        assertEquals(5L, start(3, 5).executionId);
        assertEquals(2, activity.removeExecution(5).jobs.size());
    }

    @Test
    void whatManyJobsReadIsBoundedAndTheOldestGivesWay() throws Throwable {
        byte[] much = new byte[Activity.READS_LIMIT / 4];
        Activity.Job[] jobs = new Activity.Job[6];
        for (int i = 0; i < jobs.length; i++) {
            jobs[i] = start(i, 100 + i);
            activity.reads(jobs[i], much);
        }
        assertEquals(2, activity.takeLeftOut());
        assertEquals(0, activity.takeLeftOut());
        for (int i = 0; i < jobs.length; i++) {
            assertEquals(i < 2 ? 0 : much.length, jobs[i].reads.length);
            activity.forget(jobs[i]);
        }
        activity.reads(start(8, 200), new byte[Activity.READS_LIMIT]);
        assertEquals(0, activity.takeLeftOut());
    }

    @Test
    void aJobThatGivesWayTakesWhatItReadsWithIt() throws Throwable {
        for (int job = 0; job < 30_000; job++) {
            activity.reads(start(job, job), new byte[Activity.READS_LIMIT / 20_000]);
        }
        assertEquals(0, activity.takeLeftOut());
    }
}
