/* Philox4x32-10: ten rounds of two 32x32 multiplications, constants from the paper. */
#include "common/philox.h"

void philox(uint32_t out[4], uint32_t seed, enum philox_purpose purpose, uint32_t c0,
            uint32_t c1, uint32_t c2, uint32_t c3)
{
    uint32_t k0 = seed, k1 = (uint32_t)purpose;

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;

        c0 = n0;
        c1 = (uint32_t)p1;
        c2 = n2;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t philox_u64(uint32_t seed, enum philox_purpose purpose, uint32_t c0,
                    uint32_t c1)
{
    uint32_t x[4];

    philox(x, seed, purpose, c0, c1, 0, 0);
    return (uint64_t)x[1] << 32 | x[0];
}
