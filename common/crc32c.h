/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L: tells torn or damaged bytes in
 * journals and checkpoints from whole ones. Not meant against forgery. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t size);

#endif
