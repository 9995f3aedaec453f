/* The Sobol sequence, plain and scrambled.
 *
 * Sources: Joe and Kuo, Constructing Sobol sequences with better two-dimensional
 * projections, SIAM J. Sci. Comput. 30 (2008), whose direction numbers
 * (new-joe-kuo-6.21201) these are; Owen's nested uniform scrambling by a hash, Burley,
 * Practical Hash-based Owen Scrambling, JCGT 9 (2020). */
#ifndef COORDINATOR_SEARCH_SOBOL_H
#define COORDINATOR_SEARCH_SOBOL_H

#include <stdint.h>

enum { SOBOL_DIMENSIONS = 64 };

/* Point `index` (from 0) of a dimension, as a fraction of 2^32. */
uint32_t sobol(uint32_t index, int dimension);
/* The same with each digit turned as those above it and the seed say. */
uint32_t sobol_scrambled(uint32_t index, int dimension, uint32_t seed);

#endif
