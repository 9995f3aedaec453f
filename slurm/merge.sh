#!/bin/bash
# Joins the run directories of an array's shards, once all of its jobs have ended. What is
# missing is said, with exit code 75: `shiftwork run` or `submit` goes on with it.
# Filled in by `shiftwork submit --array`; with --dry-run it prints the script.
#SBATCH --job-name={{name}}-merge
#SBATCH --partition={{partition}}
#SBATCH --account={{account}}
#SBATCH --ntasks=1
#SBATCH --mem={{memory}}
#SBATCH --time={{time}}
#SBATCH --open-mode=append
#SBATCH --chdir={{folder}}
#SBATCH --output={{log}}

type module >/dev/null 2>&1 || . /etc/profile; module load {{modules}}
program={{program}}
dir={{dir}}
shards=()
for ((i = 1; i <= {{shards}}; i++)); do
    shards+=("$dir.shard-$i-of-{{shards}}")
done
exec "$program" merge "${shards[@]}" -o "$dir"
