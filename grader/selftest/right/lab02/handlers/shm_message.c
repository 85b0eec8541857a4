/* shm_message: two functions that share nothing, written straight down
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static int find(key_t key, size_t *size)
{
    struct shmid_ds about;
    int id = shmget(key, 0, 0);
    if (id < 0)
        err(EXIT_FAILURE, "shmget");
    if (shmctl(id, IPC_STAT, &about) < 0)
        err(EXIT_FAILURE, "shmctl");
    *size = about.shm_segsz;
    return id;
}

static void write_message(key_t key, const char *text)
{
    size_t size, length = strlen(text) + 1;
    int id = find(key, &size);
    if (length > size)
        errx(EXIT_FAILURE,
             "too long: %zu bytes with the final 0, segment has %zu", length,
             size);
    char *to = shmat(id, NULL, 0);
    if (to == (char *)-1)
        err(EXIT_FAILURE, "shmat");
    memcpy(to, text, length);
    if (shmdt(to) < 0)
        err(EXIT_FAILURE, "shmdt");
}

static void read_message(key_t key)
{
    size_t size;
    int id = find(key, &size);
    const char *from = shmat(id, NULL, SHM_RDONLY);
    if (from == (const char *)-1)
        err(EXIT_FAILURE, "shmat");
    for (size_t i = 0; i < size && from[i] != '\0'; i++)
        putchar(from[i]);
    putchar('\n');
    if (shmdt(from) < 0)
        err(EXIT_FAILURE, "shmdt");
}

static bool to_key(const char *text, key_t *key)
{
    char *rest;
    errno = 0;
    unsigned long long n = strtoull(text, &rest, 0);
    *key = (key_t)n;
    return text[0] >= '0' && text[0] <= '9' && *rest == '\0' && errno == 0 &&
           n <= 0xffffffffULL;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    switch (getopt_long(argc, argv, "+", options, NULL)) {
    case -1: break;
    case 'h':
        printf("Usage: ./shm_message KEY write TEXT, ./shm_message KEY read\n");
        return 0;
    default: return 2;
    }
    argc -= optind;
    argv += optind;

    key_t key;
    bool writing = argc == 3 && strcmp(argv[1], "write") == 0;
    bool reading = argc == 2 && strcmp(argv[1], "read") == 0;
    if (!writing && !reading)
        errx(2, "needs KEY write TEXT, or KEY read");
    if (!to_key(argv[0], &key))
        errx(2, "%s: not a key", argv[0]);
    if (writing)
        write_message(key, argv[2]);
    else
        read_message(key);
    if (fflush(stdout) == EOF)
        err(EXIT_FAILURE, "write");
    return 0;
}
