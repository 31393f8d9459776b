// What Linux has and the Glibc module does not export: epoll, eventfd, mallopt, accept4. The last is declared here because the
// macro that reveals it changes types that other modules have seen without it.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
