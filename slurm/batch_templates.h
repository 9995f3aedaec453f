/* The batch scripts of this folder, texts with {{names}} to fill in
 * (cli/batch_script.h). */
#ifndef SLURM_BATCH_TEMPLATES_H
#define SLURM_BATCH_TEMPLATES_H

extern const char batch_template_run[], batch_template_srun[], batch_template_merge[];

#endif
