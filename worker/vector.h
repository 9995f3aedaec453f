/* One vector register of floats, and the few functions that kernels need of it.
 *
 * A kernel file includes this and is compiled once for each instruction set (see
 * CMakeLists.txt). Arithmetic uses the operators that GCC defines for vectors; a fused
 * multiply-add is written vec_fma where it is wanted, never left to the compiler. The
 * end of a row goes through the same arithmetic in a partly filled register, so that an
 * element's bits do not depend on where in a register it lies. No -ffast-math. */
#ifndef WORKER_VECTOR_H
#define WORKER_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#define KERNEL_ISA avx512
#define VECTOR_512
enum { VEC = 16 }; /* floats in a register */
typedef __m512 vec;
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define KERNEL_ISA avx2
#define VECTOR_256
enum { VEC = 8 };
typedef __m256 vec;
#else
#define KERNEL_ISA portable
enum { VEC = 4 };
typedef float vec __attribute__((vector_size(16)));
#endif

typedef int32_t ivec __attribute__((vector_size(sizeof(vec))));

#define KERNEL_PASTE2(name, isa) name##_##isa
#define KERNEL_PASTE(name, isa) KERNEL_PASTE2(name, isa)
#define KERNEL(name) KERNEL_PASTE(name, KERNEL_ISA) /* activation_forward_avx2 … */

#define VEC_INLINE static inline __attribute__((always_inline))

VEC_INLINE vec vec_set(float x)
{
#if defined(VECTOR_512)
    return _mm512_set1_ps(x);
#elif defined(VECTOR_256)
    return _mm256_set1_ps(x);
#else
    return (vec){x, x, x, x};
#endif
}

VEC_INLINE vec vec_load(const float *p)
{
    vec v;

    memcpy(&v, p, sizeof v);
    return v;
}

VEC_INLINE void vec_store(float *p, vec v) { memcpy(p, &v, sizeof v); }

/* The first n < VEC floats at p, then zeros. */
VEC_INLINE vec vec_load_part(const float *p, int n)
{
#if defined(VECTOR_512)
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    vec v = {0};

    memcpy(&v, p, sizeof(float) * (unsigned)n);
    return v;
#endif
}

VEC_INLINE void vec_store_part(float *p, vec v, int n)
{
#if defined(VECTOR_512)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
#else
    memcpy(p, &v, sizeof(float) * (unsigned)n);
#endif
}

/* a·b + c, rounded once where the instruction set can. */
VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
#if defined(VECTOR_512)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(VECTOR_256)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

VEC_INLINE vec vec_select(ivec mask, vec yes, vec no)
{
    return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask));
}

/* The larger of a limit and x; a NaN of x stays. */
VEC_INLINE vec vec_max(vec limit, vec x)
{
#if defined(VECTOR_512)
    return _mm512_max_ps(limit, x);
#elif defined(VECTOR_256)
    return _mm256_max_ps(limit, x);
#else
    return vec_select(limit > x, limit, x);
#endif
}

VEC_INLINE vec vec_min(vec limit, vec x)
{
#if defined(VECTOR_512)
    return _mm512_min_ps(limit, x);
#elif defined(VECTOR_256)
    return _mm256_min_ps(limit, x);
#else
    return vec_select(limit < x, limit, x);
#endif
}

VEC_INLINE vec vec_abs(vec x) { return (vec)((ivec)x & 0x7fffffff); }

/* All ones in the first n lanes, zero in the others. */
VEC_INLINE ivec vec_first(int n)
{
    ivec lane;

    for (int i = 0; i < VEC; i++)
        lane[i] = i;
    return lane < n;
}

typedef float quad __attribute__((vector_size(16)));

/* Sum of the lanes, halves folded onto each other. */
VEC_INLINE float vec_sum(vec v)
{
#if defined(VECTOR_512)
    __m256 w = _mm512_castps512_ps256(v) + _mm512_extractf32x8_ps(v, 1);
    quad q = _mm256_castps256_ps128(w) + _mm256_extractf128_ps(w, 1);
#elif defined(VECTOR_256)
    quad q = _mm256_castps256_ps128(v) + _mm256_extractf128_ps(v, 1);
#else
    quad q = v;
#endif
    return (q[0] + q[2]) + (q[1] + q[3]);
}

VEC_INLINE float vec_largest(vec v)
{
#if defined(VECTOR_512)
    __m256 w = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    quad q = _mm_max_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
#elif defined(VECTOR_256)
    quad q = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
#else
    quad q = v;
#endif
    float a = q[0] > q[2] ? q[0] : q[2], b = q[1] > q[3] ? q[1] : q[3];

    return a > b ? a : b;
}

/* eˣ within 2 ulp; below -87 it stays at e⁻⁸⁷, above 88 at e⁸⁸; NaN stays NaN.
 * x = n ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial of eʳ, times 2ⁿ.
 * Adding 1.5·2²³ rounds to an integer and leaves it in the low bits. */
VEC_INLINE vec vec_exp(vec x)
{
    const float magic = 0x1.8p23f;
    vec n, r, p;
    ivec bits;

    x = vec_min(vec_set(88.0f), vec_max(vec_set(-87.0f), x));
    n = vec_fma(x, vec_set(0x1.715476p0f), vec_set(magic));
    bits = (ivec)n;
    n = n - magic;
    r = vec_fma(n, vec_set(-0x1.62e4p-1f), x);
    r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);
    p = vec_set(1.0f / 5040);
    p = vec_fma(p, r, vec_set(1.0f / 720));
    p = vec_fma(p, r, vec_set(1.0f / 120));
    p = vec_fma(p, r, vec_set(1.0f / 24));
    p = vec_fma(p, r, vec_set(1.0f / 6));
    p = vec_fma(p, r, vec_set(0.5f));
    p = vec_fma(p, r * r, r) + 1.0f;
    return p * (vec)((bits << 23) + 0x3f800000);
}

#endif
