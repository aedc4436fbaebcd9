/// A program in C that gives a compiler reason to use what a processor has.
enum SampleProgram {
  static let source = """
    typedef signed char i8; typedef unsigned char u8; typedef short i16; typedef unsigned short u16;
    typedef int i32; typedef unsigned u32; typedef long i64; typedef unsigned long u64;
    typedef float f32; typedef double f64;
    typedef _Complex float cf32; typedef _Complex double cf64;
    #define LOOPS(T) \\
      void add_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] += b[i]; } \\
      void mul_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] *= b[i]; } \\
      void fma_##T(T *restrict a, T *restrict b, T *restrict c, int n) \\
        { for (int i = 0; i < n; i++) a[i] += b[i] * c[i] - a[i]; } \\
      T sum_##T(T *a, int n) { T s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; } \\
      T dot_##T(T *a, T *b, int n) { T s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; } \\
      T max_##T(T *a, int n) { T s = a[0]; for (int i = 1; i < n; i++) s = a[i] > s ? a[i] : s; return s; } \\
      T min_##T(T *a, int n) { T s = a[0]; for (int i = 1; i < n; i++) s = a[i] < s ? a[i] : s; return s; } \\
      void select_##T(T *restrict a, T *restrict b, T *restrict c, int n) \\
        { for (int i = 0; i < n; i++) if (b[i] > c[i]) a[i] = b[i]; } \\
      void negate_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = -a[i]; } \\
      void absolute_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = a[i] < 0 ? -a[i] : a[i]; } \\
      void fill_##T(T *a, T x, int n) { for (int i = 0; i < n; i++) a[i] = x; } \\
      void gather_##T(T *restrict a, T *restrict b, int *restrict k, int n) \\
        { for (int i = 0; i < n; i++) a[i] = b[k[i]]; } \\
      void scatter_##T(T *restrict a, T *restrict b, int *restrict k, int n) \\
        { for (int i = 0; i < n; i++) a[k[i]] = b[i]; } \\
      void reverse_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] = b[n - 1 - i]; } \\
      void stride_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] = b[3 * i + 1]; } \\
      void pairs_##T(T *restrict a, T *restrict b, int n) \\
        { for (int i = 0; i < n; i++) { a[2 * i] = b[2 * i] - b[2 * i + 1]; a[2 * i + 1] = b[2 * i] + b[2 * i + 1]; } } \\
      int count_##T(T *a, T x, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i] == x; return s; } \\
      void matrix_##T(T *restrict a, T *restrict b, T *restrict c) \\
        { for (int i = 0; i < 8; i++) for (int j = 0; j < 8; j++) for (int k = 0; k < 8; k++) \\
          a[8 * i + j] += b[8 * i + k] * c[8 * k + j]; }
    LOOPS(i8) LOOPS(u8) LOOPS(i16) LOOPS(u16) LOOPS(i32) LOOPS(u32) LOOPS(i64) LOOPS(u64)
    LOOPS(f32) LOOPS(f64)

    #define BITS(T) \\
      void and_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] &= b[i]; } \\
      void mix_##T(T *restrict a, T *restrict b, T *restrict c, int n) \\
        { for (int i = 0; i < n; i++) a[i] = (a[i] & b[i]) | (~a[i] & c[i]) ^ b[i]; } \\
      void shift_##T(T *a, int s, int n) { for (int i = 0; i < n; i++) a[i] = (a[i] << s) ^ (a[i] >> 3); } \\
      void each_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] <<= b[i] & 7; } \\
      void turn_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = (a[i] << 5) | (a[i] >> (8 * sizeof(T) - 5)); } \\
      T turnby_##T(T a, int s) { return (a << (s & (8 * sizeof(T) - 1))) | (a >> (-s & (8 * sizeof(T) - 1))); } \\
      void divide_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] /= 7; } \\
      void average_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] = (a[i] + b[i] + 1) >> 1; }
    BITS(u8) BITS(u16) BITS(u32) BITS(u64)

    #define CONVERT(A, B) void A##_to_##B(A *restrict a, B *restrict b, int n) { for (int i = 0; i < n; i++) b[i] = (B)a[i]; }
    #define CONVERTS(A) CONVERT(A, i8) CONVERT(A, u8) CONVERT(A, i16) CONVERT(A, u16) CONVERT(A, i32) \\
      CONVERT(A, u32) CONVERT(A, i64) CONVERT(A, u64) CONVERT(A, f32) CONVERT(A, f64)
    CONVERTS(i8) CONVERTS(u8) CONVERTS(i16) CONVERTS(u16) CONVERTS(i32) CONVERTS(u32) CONVERTS(i64)
    CONVERTS(u64) CONVERTS(f32) CONVERTS(f64)

    #define FUNCTIONS(T, x) \\
      void root_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_sqrt##x(a[i]); } \\
      void inverse_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = 1 / a[i]; } \\
      void invroot_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = 1 / __builtin_sqrt##x(a[i]); } \\
      void floor_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_floor##x(a[i]); } \\
      void round_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_rint##x(a[i]); } \\
      void sign_##T(T *restrict a, T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_copysign##x(a[i], b[i]); } \\
      void fused_##T(T *restrict a, T *restrict b, T *restrict c, int n) \\
        { for (int i = 0; i < n; i++) a[i] = __builtin_fma##x(a[i], b[i], -c[i]); } \\
      long tolong_##T(T a) { return __builtin_lrint##x(a); } \\
      void complex_##T(c##T *restrict a, c##T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] *= b[i]; } \\
      void complexadd_##T(c##T *restrict a, c##T *restrict b, int n) { for (int i = 0; i < n; i++) a[i] += b[i]; }
    FUNCTIONS(f32, f) FUNCTIONS(f64, )

    #define COUNT(T, x) \\
      int ones_##T(T a) { return __builtin_popcount##x(a); } \\
      int leading_##T(T a) { return a ? __builtin_clz##x(a) : 8 * (int)sizeof(T); } \\
      int trailing_##T(T a) { return a ? __builtin_ctz##x(a) : 8 * (int)sizeof(T); } \\
      int first_##T(T a) { return __builtin_ffs##x(a); } \\
      int odd_##T(T a) { return __builtin_parity##x(a); } \\
      T andnot_##T(T a, T b) { return ~a & b; } \\
      T lowest_##T(T a) { return a & -a; } \\
      T clear_##T(T a) { return a & (a - 1); } \\
      T upto_##T(T a) { return a ^ (a - 1); } \\
      T keep_##T(T a, unsigned n) { return a & (((T)1 << n) - 1); } \\
      T part_##T(T a, unsigned s, unsigned n) { return (a >> s) & (((T)1 << n) - 1); } \\
      T left_##T(T a, int s) { return a << s; } \\
      T right_##T(T a, int s) { return a >> s; } \\
      void all_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_popcount##x(a[i]); } \\
      void zeros_##T(T *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_clz##x(a[i]); }
    COUNT(u32, ) COUNT(u64, l)
    i32 arithmetic(i32 a, int s) { return a >> s; }
    u64 high(u64 a, u64 b) { return (unsigned __int128)a * b >> 64; }
    unsigned __int128 wide(unsigned __int128 a, unsigned __int128 b) { return a * b + a; }
    u16 swap16(u16 *a) { return __builtin_bswap16(*a); }
    u32 swap32(u32 *a) { return __builtin_bswap32(*a); }
    void swap64(u64 *a, u64 b) { *a = __builtin_bswap64(b); }
    void swaps(u32 *a, int n) { for (int i = 0; i < n; i++) a[i] = __builtin_bswap32(a[i]); }
    int exchange(__int128 *a, __int128 b, __int128 c) { return __sync_bool_compare_and_swap(a, b, c); }
    u64 count(u64 *a) { return __atomic_add_fetch(a, 1, __ATOMIC_SEQ_CST); }
    void publish(u64 *a, u64 b) { __atomic_store_n(a, b, __ATOMIC_SEQ_CST); }
    void copy(char *restrict a, const char *restrict b) { __builtin_memcpy(a, b, 200); }
    void clear(char *a) { __builtin_memset(a, 0, 333); }
    int equal(const char *a, const char *b) { return __builtin_memcmp(a, b, 32) == 0; }
    void prefetch(char *a) { __builtin_prefetch(a + 256, 1, 3); __builtin_prefetch(a + 512, 0, 0); }
    _Float16 half(_Float16 a, _Float16 b) { return a * b + a; }
    void halves(_Float16 *restrict a, _Float16 *restrict b, int n) { for (int i = 0; i < n; i++) a[i] += a[i] * b[i]; }
    void widen(_Float16 *restrict a, f32 *restrict b, int n) { for (int i = 0; i < n; i++) b[i] = a[i]; }
    void narrow(f32 *restrict a, _Float16 *restrict b, int n) { for (int i = 0; i < n; i++) b[i] = (_Float16)a[i]; }
    long double extended(long double a, long double b) { return __builtin_sqrtl(a) * b - (long)a; }
    int dots(u8 *a, i8 *b, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
    int words(i16 *a, i16 *b, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
    u32 distance(u8 *a, u8 *b, int n) { u32 s = 0; for (int i = 0; i < n; i++) s += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]; return s; }
    void saturate(i16 *restrict a, u8 *restrict b, int n) { for (int i = 0; i < n; i++) b[i] = a[i] < 0 ? 0 : a[i] > 255 ? 255 : a[i]; }
    void table(u8 *restrict a, u8 *restrict t, int n) { for (int i = 0; i < n; i++) a[i] = t[a[i] & 15]; }
    void gates(u64 *restrict a, u64 *restrict b, u64 *restrict c, int n) { for (int i = 0; i < n; i++) a[i] = (a[i] & b[i]) ^ (b[i] & c[i]) ^ (a[i] & c[i]); }
    u32 crc(u32 c, const u8 *p, int n) { while (n--) { c ^= *p++; for (int k = 0; k < 8; k++) c = c >> 1 ^ (0xEDB88320 & -(c & 1)); } return c; }
    int branches(int a) { switch (a) { case 0: return 7; case 1: return 9; case 2: return 1; case 3: return 4; case 4: return 8; default: return a * a; } }
    f64 mean(f64 *a, long n) { f64 s = 0; for (long i = 0; i < n; i++) s += a[i]; return s / n; }
    int isnumber(f64 a) { return a == a && a > 0; }
    void pack(u32 *restrict a, u32 *restrict b, int n) { int k = 0; for (int i = 0; i < n; i++) if (b[i] & 1) a[k++] = b[i]; }
    void sort(int *a, int n) { for (int i = 1; i < n; i++) for (int k = i; k && a[k] < a[k - 1]; k--) { int t = a[k]; a[k] = a[k - 1]; a[k - 1] = t; } }
    void prefix(int *a, int n) { for (int i = 1; i < n; i++) a[i] += a[i - 1]; }
    void transpose(f32 *restrict a, f32 *restrict b) { for (int i = 0; i < 16; i++) for (int j = 0; j < 16; j++) a[16 * i + j] = b[16 * j + i]; }
    """
}
