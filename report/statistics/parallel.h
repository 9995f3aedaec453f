/* Works off numbered items on several threads that live for one call. */
#ifndef REPORT_STATISTICS_PARALLEL_H
#define REPORT_STATISTICS_PARALLEL_H

/* Calls work(context, thread, item) once for each item in 0…items-1; thread is in
 * 0…threads-1, the caller is thread 0. Items are taken by whoever is free, so nothing
 * may depend on the thread but scratch memory. Where the system has no more threads the
 * others do their work. */
void parallel_run(int threads, int items,
                  void (*work)(void *context, int thread, int item), void *context);

#endif
