/* shm_message with memccpy(3) and memchr(3), which know where the segment ends
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static char *memory = (char *)-1;
static size_t bytes;

static void open_segment(const char *name, int flags)
{
    char *end;
    errno = 0;
    uintmax_t key = strtoumax(name, &end, 0);
    if (strchr("0123456789", name[0]) == NULL || name[0] == '\0' || *end ||
        errno || key > UINT32_MAX)
        errx(2, "KEY is a number, as 0x41000011 is; '%s' is not", name);
    int id = shmget((key_t)key, 0, 0);
    if (id == -1)
        err(1, "shmget(%s)", name);
    memory = shmat(id, NULL, flags);
    if (memory == (char *)-1)
        err(1, "shmat(%d)", id);
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds) == -1)
        err(1, "shmctl(%d, IPC_STAT)", id);
    bytes = ds.shm_segsz;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", no_argument, NULL, 1},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "+", table, NULL);
    if (option == 1) {
        puts("shm_message KEY write TEXT\nshm_message KEY read");
        return 0;
    }
    if (option != -1)
        return 2;
    char **words = argv + optind;
    int count = argc - optind;

    if (count == 2 && !strcmp(words[1], "read")) {
        open_segment(words[0], SHM_RDONLY);
        char *end = memchr(memory, 0, bytes);
        size_t length = end ? (size_t)(end - memory) : bytes;
        if (fwrite(memory, 1, length, stdout) != length || puts("") == EOF ||
            fflush(stdout))
            err(1, "fwrite");
    } else if (count == 3 && !strcmp(words[1], "write")) {
        open_segment(words[0], 0);
        if (strlen(words[2]) + 1 > bytes)
            errx(1, "the segment holds %zu bytes, the text takes %zu", bytes,
                 strlen(words[2]) + 1);
        memccpy(memory, words[2], '\0', bytes);
    } else {
        errx(2, "what? KEY write TEXT, or KEY read");
    }
    if (shmdt(memory) == -1)
        err(1, "shmdt");
    return 0;
}
