/* shm_message in one function
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, 0, 'h'}, {0, 0, 0, 0}};
    char *end = NULL, *memory;
    struct shmid_ds ds;

    int option = getopt_long(argc, argv, "+", table, NULL);
    if (option == 'h')
        return puts("KEY write TEXT | KEY read") == EOF;
    if (option == '?')
        return 2;
    const char *key = argv[optind] ? argv[optind++] : "";
    const char *verb = argv[optind] ? argv[optind++] : "";
    const char *text = argv[optind] ? argv[optind++] : NULL;
    int reading = !strcmp(verb, "read");
    if ((!reading && strcmp(verb, "write")) || reading == (text != NULL) ||
        optind < argc)
        errx(2, "KEY write TEXT, or KEY read");
    long long value = strtoll(key, &end, 0);
    if (*key < '0' || *key > '9' || *end || value > UINT_MAX)
        errx(2, "'%s' is not a key", key);

    int id = shmget((key_t)value, 0, 0);
    if (id == -1)
        err(1, "shmget");
    if (shmctl(id, IPC_STAT, &ds) == -1)
        err(1, "shmctl");
    if (!reading && ds.shm_segsz <= strlen(text))
        errx(1, "no room for '%s'", text);
    memory = shmat(id, NULL, reading ? SHM_RDONLY : 0);
    if (memory == (void *)-1)
        err(1, "shmat");
    if (!reading)
        strcpy(memory, text);
    else
        printf("%.*s\n", ds.shm_segsz < INT_MAX ? (int)ds.shm_segsz : INT_MAX,
               memory);
    return 0;
}
