/* The commands that overhead.py has wrapped; probe.py is its twin for machines without a C compiler.
 *
 *   probe stamp FILE   write the monotonic clock, in nanoseconds, to FILE: the first thing the command does
 *   probe work N       N steps of a random number generator: fixed work for one core
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int stamp(const struct timespec *now, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return 1;
    fprintf(file, "%lld", (long long)now->tv_sec * 1000000000LL + now->tv_nsec);
    return fclose(file) != 0;
}

static int work(unsigned long long steps)
{
    uint64_t state = 88172645463325252ULL; /* Marsaglia, "Xorshift RNGs", 2003: never becomes 0 */
    while (steps-- > 0) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state == 0; /* uses the result, so that no compiler drops the loop */
}

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "stamp") == 0)
        return stamp(&now, argv[2]);
    return work(strtoull(argv[2], NULL, 10));
}
