#!/bin/bash
# A run inside one job's nodes: mpirun starts the workers, whose deaths the run survives.
# Filled in by `shiftwork submit`; with --dry-run it prints the script.
#SBATCH --job-name={{name}}
#SBATCH --partition={{partition}}
#SBATCH --account={{account}}
#SBATCH --nodes={{nodes}}
#SBATCH --ntasks-per-node={{ranks}}
#SBATCH --cpus-per-task={{threads}}
#SBATCH --{{exclusive}}
#SBATCH --mem={{memory}}
#SBATCH --time={{time}}
#SBATCH --array=1-{{shards}}
#SBATCH --signal=B:USR1@{{warn_s}}
#SBATCH --{{requeue}}
#SBATCH --open-mode=append
#SBATCH --chdir={{folder}}
#SBATCH --output={{log}}

# bash runs a trap between commands only, so the run is in the background. USR1 is Slurm's
# warning: the run stops at its next reports and goes on after a requeue. INT, from
# `scancel --batch --signal=INT`, stops it for good.
asked= run= # first of all: without a trap USR1 ends the script
stop() {
    asked=$1
    [ -z "$run" ] || kill -USR1 "$run" 2>/dev/null
}
trap 'stop limit' USR1
trap 'stop user' INT TERM

type module >/dev/null 2>&1 || . /etc/profile; module load {{modules}}
program={{program}}
dir={{dir}}
shard=()
dir=$dir.shard-$SLURM_ARRAY_TASK_ID-of-{{shards}}
shard=(--shard $SLURM_ARRAY_TASK_ID/{{shards}})
echo "job $SLURM_JOB_ID, start ${SLURM_RESTART_COUNT:-0}, on $SLURM_JOB_NODELIST"

epochs() { "$program" status --epochs "$dir" 2>/dev/null || echo 0; }

before=$(epochs)
"$program" run {{arguments}} "${shard[@]}" -o "$dir" --grace {{grace_s}} &
run=$!
[ -z "$asked" ] || kill -USR1 "$run" 2>/dev/null
wait "$run"
code=$?
while kill -0 "$run" 2>/dev/null; do
    wait "$run"
    code=$?
done

# 75: it can be continued. Slurm ends this script once it is requeued.
requeue={{requeue}}
if [ "$code" = 75 ] && [ "$requeue" = requeue ] && [ "$asked" != user ]; then
    if [ "$(epochs)" = "$before" ]; then
        echo "job $SLURM_JOB_ID: no epoch ended in this start, so no other is made"
    else
        echo "job $SLURM_JOB_ID: to be continued"
        scontrol requeue "$SLURM_JOB_ID" && exec sleep 60
    fi
fi
exit "$code"
