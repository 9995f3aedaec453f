/* The loops over a tile's rows need their number known to the compiler, or the tile
 * does not stay in registers. Private to the kernels of products. */
#ifndef WORKER_TILE_ROWS_H
#define WORKER_TILE_ROWS_H

#define TILE_ROWS_CASE(FUNCTION, TILE, MOST, N)                                        \
    case N:                                                                            \
        if (N <= (MOST))                                                               \
            FUNCTION(TILE, N <= (MOST) ? N : (MOST));                                  \
        break

/* FUNCTION(TILE, ROWS) for 1 <= ROWS <= MOST <= 14, each number a constant of
 * its own; FUNCTION is always inlined, MOST a constant. */
#define TILE_ROWS(FUNCTION, TILE, ROWS, MOST)                                          \
    switch (ROWS) {                                                                    \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 1);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 2);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 3);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 4);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 5);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 6);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 7);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 8);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 9);                                       \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 10);                                      \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 11);                                      \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 12);                                      \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 13);                                      \
        TILE_ROWS_CASE(FUNCTION, TILE, MOST, 14);                                      \
    default:                                                                           \
        break;                                                                         \
    }

#endif
