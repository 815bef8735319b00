/* The rings of Boost.Lockfree, of 1024 places; items are numbered from 1, so that none can be lost unseen. */
#include "common.h"
#include <atomic>
#include <thread>
#include <vector>

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>

namespace {

constexpr size_t PLACES = 1024;

using Many = boost::lockfree::queue<uint64_t, boost::lockfree::fixed_sized<true>, boost::lockfree::capacity<PLACES>>;
using One = boost::lockfree::spsc_queue<uint64_t, boost::lockfree::capacity<PLACES>>;

template <class Ring> uint64_t alone(size_t units) {
    static Ring ring;
    uint64_t sum = 0, value = 0;
    for (size_t n = 1; n <= units; n++) {
        ring.push(n);
        ring.pop(value);
        sum += value;
    }
    return sum;
}

/* Tries until it succeeds, and lets others run when that takes long. */
template <class F> void until(F &&attempt) {
    for (unsigned tries = 1; !attempt(); tries++)
        if (tries % 64 == 0)
            std::this_thread::yield();
}

/* So many producers and as many consumers, each of which takes as many items as a producer pushes. */
template <class Ring> uint64_t passed(size_t units, size_t pairs) {
    static Ring ring;
    std::vector<uint64_t> sums(pairs * 16);
    std::vector<std::thread> threads;
    for (size_t pair = 0; pair < pairs; pair++) {
        size_t begin = units * pair / pairs + 1, end = units * (pair + 1) / pairs + 1;
        threads.emplace_back([=] {
            for (size_t n = begin; n < end; n++)
                until([&] { return ring.push(n); });
        });
        threads.emplace_back([=, &sums] {
            uint64_t sum = 0, value = 0;
            for (size_t n = begin; n < end; n++) {
                until([&] { return ring.pop(value); });
                sum += value;
            }
            sums[pair * 16] = sum;
        });
    }
    for (auto &thread : threads)
        thread.join();
    uint64_t sum = 0;
    for (uint64_t one : sums)
        sum += one;
    return sum;
}

} // namespace

int main(int argc, char **argv) {
    static const contender all[] = {
        {"Rings, one thread", "queue", [](size_t units, int) { return alone<Many>(units); }},
        {"Rings, one thread", "spsc_queue", [](size_t units, int) { return alone<One>(units); }},
        {"Rings, 1 + 1", "queue", [](size_t units, int) { return passed<Many>(units, 1); }},
        {"Rings, 1 + 1", "spsc_queue", [](size_t units, int) { return passed<One>(units, 1); }},
        {"Rings, 2 + 2", "queue", [](size_t units, int) { return passed<Many>(units, 2); }},
    };
    return answer("Boost " BOOST_LIB_VERSION ", g++ " __VERSION__, all, sizeof all / sizeof *all, argc, argv);
}
