"""Start the job, meter the machine with codecarbon, and give the job its share."""
