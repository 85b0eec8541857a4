/* pages - lets a program believe in pages of PAGESIZE bytes
 *
 * Usage: env LD_PRELOAD=./pages.so PAGESIZE=65536 COMMAND...
 *
 * Few machines have pages of 16 or 64 KiB. With this one sees on any machine
 * whether a program asks how large a page is, or thinks that it knows.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

static long claimed(void)
{
    const char *bytes = getenv("PAGESIZE");
    return bytes ? atol(bytes) : 4096;
}

long sysconf(int name)
{
    long (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_PAGESIZE ? claimed() : real(name);
}

int getpagesize(void)
{
    return (int)claimed();
}

unsigned long getauxval(unsigned long type)
{
    unsigned long (*real)(unsigned long);
    *(void **)&real = dlsym(RTLD_NEXT, "getauxval");
    return type == AT_PAGESZ ? (unsigned long)claimed() : real(type);
}
