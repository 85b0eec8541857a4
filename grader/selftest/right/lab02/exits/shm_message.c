/* shm_message with a table of verbs and perror(3)
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

static void die(const char *call)
{
    perror(call);
    exit(1);
}

static void usage(void)
{
    fputs("usage: shm_message KEY write TEXT, or shm_message KEY read\n",
          stderr);
    exit(2);
}

static void *map(int id, int how)
{
    void *p = shmat(id, NULL, how);
    if (p == (void *)-1)
        die("shmat");
    return p;
}

static void do_write(int id, size_t room, const char *text)
{
    size_t need = strlen(text) + 1;
    if (need > room) {
        fprintf(stderr, "the text needs %zu bytes, there are %zu\n", need,
                room);
        exit(1);
    }
    char *p = map(id, 0);
    while ((*p++ = *text++))
        ;
}

static void do_read(int id, size_t room, const char *unused)
{
    (void)unused;
    const char *p = map(id, SHM_RDONLY);
    size_t length = strnlen(p, room), done = 0;
    while (done < length) {
        ssize_t n = write(STDOUT_FILENO, p + done, length - done);
        if (n == -1)
            die("write");
        done += (size_t)n;
    }
    if (write(STDOUT_FILENO, "\n", 1) == -1)
        die("write");
}

static const struct verb {
    const char *name;
    int words;
    void (*act)(int id, size_t room, const char *text);
} verbs[] = {{"write", 3, do_write}, {"read", 2, do_read}};

int main(int argc, char **argv)
{
    static struct option options[] = {{"help", no_argument, NULL, 0},
                                      {NULL, 0, NULL, 0}};
    int o = getopt_long(argc, argv, "+", options, NULL);
    if (o == 0) {
        printf("usage: shm_message KEY write TEXT\n"
               "       shm_message KEY read\n");
        return 0;
    }
    if (o != -1)
        return 2;
    argc -= optind;
    argv += optind;
    if (argc < 2)
        usage();

    char *rest;
    unsigned long key = strtoul(argv[0], &rest, 0);
    if (strspn(argv[0], "0123456789") == 0 || *rest != '\0' || key >> 32)
        usage();
    for (size_t v = 0; v < 2; v++) {
        if (argc != verbs[v].words || strcmp(argv[1], verbs[v].name) != 0)
            continue;
        struct shmid_ds ds;
        int id = shmget((key_t)key, 0, 0);
        if (id == -1)
            die("shmget");
        if (shmctl(id, IPC_STAT, &ds) == -1)
            die("shmctl");
        verbs[v].act(id, ds.shm_segsz, argv[2]);
        return 0;
    }
    usage();
}
