"""`python -m spark_lineage` is the command `spark-lineage`."""

import sys

from spark_lineage.show.cli import main

sys.exit(main())
