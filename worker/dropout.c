/* Dropout with masks from Philox: the words of 4·LANES elements at a time, in loops
 * that the compiler turns into vector code. Integers and single multiplications only,
 * so every instruction set gives the same bits. */
#include "common/philox.h"
#include "worker/kernels_isa.h"

enum { LANES = 16, WORDS = 4 * LANES };

/* Words of elements 4·first … 4·first + WORDS - 1: common/philox.c, LANES counters side
 * by side. */
static void words(uint32_t out[WORDS], struct dropout_at at, uint32_t first)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t k0 = at.seed, k1 = PHILOX_DROPOUT;

    for (uint32_t i = 0; i < LANES; i++) {
        c0[i] = at.step;
        c1[i] = at.example;
        c2[i] = first + i;
        c3[i] = at.place;
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i];
            uint64_t p1 = (uint64_t)0xCD9E8D57u * c2[i];

            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

void KERNEL(dropout)(float *x, float p, struct dropout_at at, int n)
{
    float factor = 1.0f / (1.0f - p);
    uint32_t word[WORDS];
    uint32_t skip = at.element % 4, block = at.element / 4;

    for (int done = 0; done < n; block += LANES) {
        int count = WORDS - (int)skip < n - done ? WORDS - (int)skip : n - done;

        words(word, at, block);
        for (int i = 0; i < count; i++) {
            float u = philox_uniform(word[skip + (uint32_t)i]);

            x[done + i] = u >= p ? x[done + i] * factor : 0.0f;
        }
        done += count;
        skip = 0;
    }
}
