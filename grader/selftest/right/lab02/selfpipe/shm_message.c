/* shm_message that writes from the end to the start, so that no reader meets a
 * text without its 0 byte
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static int complain(const char *call)
{
    fprintf(stderr, "shm_message: %s: %s\n", call, strerror(errno));
    return 1;
}

static int usage(void)
{
    fprintf(stderr, "shm_message: give me KEY write TEXT or KEY read\n");
    return 2;
}

/* text: NULL to read */
static int talk(key_t key, const char *text)
{
    struct shmid_ds ds;
    int id = shmget(key, 0, text ? 0200 : 0400);
    if (id == -1)
        return complain("shmget");
    if (shmctl(id, IPC_STAT, &ds) == -1)
        return complain("shmctl");
    volatile char *memory = shmat(id, NULL, text ? 0 : SHM_RDONLY);
    if (memory == (void *)-1)
        return complain("shmat");
    if (text == NULL) {
        for (size_t i = 0; i < ds.shm_segsz && memory[i]; i++)
            fputc(memory[i], stdout);
        fputc('\n', stdout);
        return fflush(stdout) ? complain("write") : 0;
    }
    size_t length = strlen(text);
    if (length + 1 > ds.shm_segsz) {
        fprintf(stderr, "shm_message: %zu bytes are %zu too few\n",
                ds.shm_segsz, length + 1 - ds.shm_segsz);
        return 1;
    }
    for (size_t i = length + 1; i-- > 0;)
        memory[i] = text[i];
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "+", table, NULL);
    if (option == 'h') {
        printf("KEY write TEXT puts it there, KEY read prints it\n");
        return 0;
    }
    if (option != -1)
        return 2;
    argv += optind;
    argc -= optind;
    if (argc < 2 || argc > 3)
        return usage();

    char *end;
    unsigned long long key = strtoull(argv[0], &end, 0);
    if (argv[0][strspn(argv[0], "0123456789abcdefABCDEFxX")] || *end ||
        end == argv[0] || argv[0][0] > '9' || key > 0xffffffffu)
        return usage();
    if (argc == 2 && !strcmp(argv[1], "read"))
        return talk((key_t)key, NULL);
    if (argc == 3 && !strcmp(argv[1], "write"))
        return talk((key_t)key, argv[2]);
    return usage();
}
