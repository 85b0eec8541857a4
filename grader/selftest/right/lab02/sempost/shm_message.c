/* shm_message with the end of the process for a detach, and a main() of its
 * steps
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <unistd.h>

struct segment {
    int id;
    size_t size;
    char *memory;
};

static int parse_key(const char *text, key_t *key)
{
    uint64_t value = 0;
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    value = strtoul(text, &end, 0);
    *key = (key_t)value;
    return *end != '\0' || errno != 0 || value > UINT32_MAX ? -1 : 0;
}

static struct segment find(key_t key)
{
    struct shmid_ds ds;
    struct segment s = {.id = shmget(key, 0, 0)};
    if (s.id == -1)
        err(1, "shmget: key 0x%08x", (unsigned)key);
    if (shmctl(s.id, IPC_STAT, &ds) == -1)
        err(1, "shmctl: IPC_STAT %d", s.id);
    s.size = ds.shm_segsz;
    return s;
}

static void attach(struct segment *s, int flags)
{
    s->memory = shmat(s->id, NULL, flags);
    if (s->memory == (void *)-1)
        err(1, "shmat: %d", s->id);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    key_t key;
    switch (getopt_long(argc, argv, "+", table, NULL)) {
    case 'h': puts("KEY write TEXT, or KEY read"); return 0;
    case '?': return 2;
    }
    char **word = argv + optind;
    int words = argc - optind;
    if (words < 2)
        errx(2, "too few words: KEY write TEXT, or KEY read");
    if (parse_key(word[0], &key) == -1)
        errx(2, "no key: %s", word[0]);

    if (words == 3 && strcmp(word[1], "write") == 0) {
        struct segment s = find(key);
        if (strnlen(word[2], s.size) == s.size)
            errx(1, "%s: longer than the segment, which has %zu bytes", word[2],
                 s.size);
        attach(&s, 0);
        stpcpy(s.memory, word[2]);
    } else if (words == 2 && strcmp(word[1], "read") == 0) {
        struct segment s = find(key);
        attach(&s, SHM_RDONLY);
        struct iovec parts[] = {{s.memory, strnlen(s.memory, s.size)},
                                {"\n", 1}};
        if (writev(STDOUT_FILENO, parts, 2) == -1)
            err(1, "writev");
    } else {
        errx(2, "not understood: %s", word[1]);
    }
    return 0;
}
