/* Dropout with masks from Philox, one counter in each lane of a register.
 *
 * Integers and one multiplication, so every instruction set gives the same bits. */
#include "common/philox.h"
#include "worker/kernels_isa.h"

typedef uint32_t uvec __attribute__((vector_size(sizeof(vec))));
typedef uint64_t wide __attribute__((vector_size(sizeof(vec))));

enum { WORDS = 4 * VEC }; /* of one round of counters */

/* 64-bit products of the even lanes with m. */
VEC_INLINE wide multiply_even(wide x, uint32_t m)
{
#if defined(VECTOR_512)
    return (wide)_mm512_mul_epu32((__m512i)x, _mm512_set1_epi64(m));
#elif defined(VECTOR_256)
    return (wide)_mm256_mul_epu32((__m256i)x, _mm256_set1_epi64x(m));
#else
    return (x & 0xffffffff) * m;
#endif
}

/* Upper and lower halves of the products of all lanes with m. */
VEC_INLINE void multiply(uvec *upper, uvec *lower, uvec x, uint32_t m)
{
    wide even = multiply_even((wide)x, m), odd = multiply_even((wide)x >> 32, m);

    *upper = (uvec)((even >> 32) | (odd & ~(wide){0} << 32));
    *lower = (uvec)((even & 0xffffffff) | (odd << 32));
}

/* Words of elements 4·first … 4·first + WORDS - 1, as common/philox.c. */
VEC_INLINE void words(uint32_t out[WORDS], struct dropout_at at, uint32_t first)
{
    uvec zero = {0}, lane, c[4], upper[2], lower[2];
    uint32_t k0 = at.seed, k1 = PHILOX_DROPOUT;

    for (uint32_t i = 0; i < VEC; i++)
        lane[i] = i;
    c[0] = zero + at.step;
    c[1] = zero + at.example;
    c[2] = lane + first;
    c[3] = zero + at.place;
    for (int round = 0; round < 10; round++) {
        multiply(&upper[0], &lower[0], c[0], 0xD2511F53u);
        multiply(&upper[1], &lower[1], c[2], 0xCD9E8D57u);
        c[0] = upper[1] ^ c[1] ^ k0;
        c[1] = lower[1];
        c[2] = upper[0] ^ c[3] ^ k1;
        c[3] = lower[0];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < VEC; i++)
        for (int j = 0; j < 4; j++)
            out[4 * i + j] = c[j][i];
}

/* A whole round's elements, then the rest. u >= p as integers: u is a multiple of 2⁻²⁴.
 */
VEC_INLINE void apply(float *x, const uint32_t *word, uint32_t limit, float factor,
                      int n)
{
    for (int i = 0; i < n; i++)
        x[i] = word[i] >> 8 >= limit ? x[i] * factor : 0.0f;
}

void KERNEL(dropout)(float *x, float p, struct dropout_at at, int n)
{
    float factor = 1.0f / (1.0f - p);
    uint32_t limit = (uint32_t)__builtin_ceilf(p * 0x1p24f);
    uint32_t word[WORDS];
    int skip = (int)(at.element % 4);
    uint32_t block = at.element / 4;

    for (int done = 0; done < n; block += VEC) {
        int count = WORDS - skip < n - done ? WORDS - skip : n - done;

        words(word, at, block);
        if (count == WORDS)
            apply(x + done, word, limit, factor, WORDS);
        else
            apply(x + done, word + skip, limit, factor, count);
        done += count;
        skip = 0;
    }
}
