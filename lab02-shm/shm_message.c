/* shm_message - leave a message in an existing segment, or read it
 *
 * Usage: ./shm_message KEY write TEXT
 *        ./shm_message KEY read
 *
 * Try:   ./shm_creator & sleep 1; ./shm_message 0x41000011 write hello
 *        ./shm_message 0x41000011 read
 *            (the key that shm_creator prints)
 *            the writer has ended before the reader starts, and the text is
 *            still there: it belongs to the segment
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

static int id = -1;  /* of the segment, from shmget(2) */
static size_t size;  /* its bytes, as IPC_STAT says */
static char *memory; /* where it is attached */

/* Finds the segment that has the key, whatever its size, and creates none; asks
 * its size; attaches it with these flags: shmget(2), shmctl(2), shmat(2). */
static void find(key_t key, int flags)
{
    /* BEGIN SOLUTION task 6 */
    struct shmid_ds ds;
    id = shmget(key, 0, 0);
    if (id == -1)
        err(1, "shmget: key 0x%08x", key);
    if (shmctl(id, IPC_STAT, &ds) == -1)
        err(1, "shmctl: cannot read segment %d", id);
    size = ds.shm_segsz;
    memory = shmat(id, NULL, flags);
    if (memory == (void *)-1)
        err(1, "shmat: segment %d", id);
    /* END SOLUTION */
}

/* Puts the text and its final 0 byte at the start of the segment. */
static void write_text(const char *text)
{
    /* BEGIN SOLUTION task 6 */
    if (strlen(text) >= size)
        errx(1, "'%s' and its 0 byte do not fit into %zu bytes", text, size);
    strcpy(memory, text);
    /* END SOLUTION */
}

/* Prints the text, to its 0 byte or the end of the segment, and a newline. */
static void print_text(void)
{
    /* BEGIN SOLUTION task 6 */
    fwrite(memory, 1, strnlen(memory, size), stdout);
    putchar('\n');
    /* END SOLUTION */
}

/* Returns the key in `text`, as shm_creator prints it: strtoul(3). */
static key_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 0);
    if (*text < '0' || *text > '9' || *end != '\0' || value > 0xffffffff)
        errx(2, "'%s' is not a key, such as 0x41000011", text);
    return (key_t)value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {{"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "+", table, NULL);
    argv += optind - 1;
    argc -= optind - 1;
    if (option == 'h')
        puts("Usage: ./shm_message KEY write TEXT\n"
             "       ./shm_message KEY read");
    if (option != -1)
        exit(option == 'h' ? 0 : 2);

    if (argc == 4 && strcmp(argv[2], "write") == 0) {
        find(number(argv[1]), 0);
        write_text(argv[3]);
    } else if (argc == 3 && strcmp(argv[2], "read") == 0) {
        find(number(argv[1]), SHM_RDONLY);
        print_text();
    } else {
        errx(2, "KEY write TEXT or KEY read is needed: see --help");
    }
    /* The end of the process detaches: shmdt(2) is for those that go on. */
    return 0;
}
