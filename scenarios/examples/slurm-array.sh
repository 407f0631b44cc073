#!/bin/sh
# A sweep as a Slurm array: four tasks, each with its share of the runs.
#
# Once before it, in the folder that it is submitted from:
#
#   floodgate plan file_to_file --vary host.Send.poll=50ms,100ms,500ms --seeds 8 --shards 4 > manifest.json
#   sbatch slurm-array.sh
#
# Once after it:
#
#   floodgate merge manifest.json shards/shard-*.json --out table
#
# Slurm gives each task SLURM_ARRAY_TASK_ID, and that is its shard: the array counts from 0 and has
# as many tasks as there are `--shards`. What fails a verdict is told by the merge, not by a task.
#SBATCH --job-name=floodgate-sweep
#SBATCH --array=0-3
#SBATCH --cpus-per-task=2
set -eu
floodgate run-shard manifest.json --out shards --threads "$SLURM_CPUS_PER_TASK"
