#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "core/communicator.h"
#include "core/thread_group.h"
#include "tests/logical_ranks.h"

namespace ebm {
namespace {

using test::on_ranks;

}  // namespace

TEST_CASE("shares cover a list once, in order, and differ by one at most") {
  for (const int64_t n : {1, 5, 64, 900})
    for (int parts = 1; parts <= 7; ++parts) {
      int64_t next = 0;
      for (int r = 0; r < parts; ++r) {
        const Share share = share_of(n, r, parts);
        CHECK(share.first == next);
        CHECK(share.count >= n / parts);
        CHECK(share.count <= n / parts + 1);
        next += share.count;
      }
      CHECK(next == n);
    }
  CHECK(share_of(900, 3, 8).count == 113);
  CHECK(share_of(900, 4, 8).count == 112);
}

TEST_CASE("a world of one changes nothing and waits for nobody") {
  Communicator alone;
  std::vector<double> x = {1, 2};
  alone.add(x);
  alone.agree({});
  CHECK(x == std::vector<double>{1, 2});
  CHECK(alone.share(5).count == 5);
  CHECK(world().alone());
  CHECK_THROWS_WITH_AS(alone.agree(Error("disk", "full", "room")), doctest::Contains("full"), Error);
}

TEST_CASE("sums, largest, broadcasts and shares of rows are the same on all ranks, in any number of processes") {
  constexpr int kRanks = 5;
  const int64_t n = 1003;
  std::vector<std::vector<float>> given(kRanks, std::vector<float>(n));
  for (int r = 0; r < kRanks; ++r)
    for (int64_t i = 0; i < n; ++i) given[r][i] = static_cast<float>(std::sin(1.0 + r * 977 + i)) * (i % 7 ? 1 : 1e6f);
  std::vector<float> expected(n);
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int r = 0; r < kRanks; ++r) sum += given[r][i];
    expected[i] = static_cast<float>(sum);
  }
  for (const int processes : {1, 2, 3, 5}) {
    CAPTURE(processes);
    std::vector<std::vector<float>> got(kRanks);
    std::vector<std::vector<double>> added(kRanks), most(kRanks), told(kRanks);
    std::vector<std::vector<float>> rows(kRanks);
    const auto work = [&](Communicator& ranks) {
      const int r = ranks.rank();
      Tensor x = Tensor::from_host(given[r], {n}, kCpu);
      ranks.sum(x);
      got[r] = x.to_host();
      Tensor y = Tensor::from_host(given[r], {n}, kCpu);
      ranks.join(ranks.begin_sum(y));
      CHECK(y.to_host() == got[r]);
      added[r] = {1.0 * r, 0.1}, most[r] = {-1.0 * r, 2.0 * r}, told[r] = {10.0 + r};
      ranks.add(added[r]);
      ranks.largest(most[r]);
      ranks.broadcast(std::as_writable_bytes(std::span(told[r])));
      const WorldScope scope(ranks);
      const Share share = ranks.share(13);
      std::vector<float> own(2 * share.count);
      std::iota(own.begin(), own.end(), static_cast<float>(2 * share.first));
      rows[r] = gather_rows(Tensor::from_host(own, {share.count, 2}, kCpu), 13).to_host();
    };
    on_ranks(kRanks, work, processes);
    std::vector<float> all(26);
    std::iota(all.begin(), all.end(), 0.0f);
    for (int r = 0; r < kRanks; ++r) {
      CHECK(got[r] == expected);
      CHECK(added[r] == added[0]);
      CHECK(added[r][0] == 10);
      CHECK(most[r] == std::vector<double>{0, 8});
      CHECK(told[r][0] == 10);
      CHECK(rows[r] == all);
    }
  }
}

TEST_CASE("one rank's error is thrown on all, and names it") {
  std::vector<std::string> told(3);
  on_ranks(3, [&](Communicator& ranks) {
    std::optional<Error> mine;
    if (ranks.rank() == 1) mine.emplace("data", "no file", "a file");
    try {
      ranks.agree(mine);
    } catch (const Error& e) {
      told[ranks.rank()] = e.message();
    }
  });
  for (const std::string& message : told) CHECK(message == "[data] received no file (rank 1 of 3), expected a file");
}

TEST_CASE("rank 0 gets what all give, and what is not alike is refused on all") {
  on_ranks(
      3,
      [](Communicator& world) {
        const std::vector<std::string> given = {"", "x", std::string("y\0z", 3)};
        const std::vector<std::string> all = world.gather_to_first(given[static_cast<size_t>(world.rank())]);
        CHECK(all == (world.rank() == 0 ? given : std::vector<std::string>()));
        world.check_alike(7, "settings", "the same");
        CHECK_THROWS_WITH_AS(world.check_alike(world.rank() == 2 ? 8 : 7, "settings", "the same"),
                             doctest::Contains("rank 2 of 3"), Error);
      },
      2);
}

TEST_CASE("the ranks of a group run on threads, and what is thrown first comes out") {
  ThreadGroup group(4);
  std::vector<int> seen(4);
  group.run([&](int i) { seen[static_cast<size_t>(i)] = 1 + i; });
  CHECK(seen == std::vector<int>{1, 2, 3, 4});
  const auto fails = [&](int i) {
    Communicator ranks(group.transport(i));
    if (i == 3) throw Error("disk", "full", "room");
    double x = 1;
    ranks.add(std::span(&x, 1));
  };
  CHECK_THROWS_WITH_AS(group.run(fails), doctest::Contains("room"), Error);
}

TEST_CASE("rank 0's work is done once, and its error is thrown on all") {
  std::vector<std::string> told(3);
  std::vector<int> done(3);
  on_ranks(3, [&](Communicator& ranks) {
    const auto work = [&] { ++done[static_cast<size_t>(ranks.rank())]; };
    ranks.by_first(work, 60);
    try {
      ranks.by_first([] { throw Error("disk", "full", "room"); }, 60);
    } catch (const Error& e) {
      told[static_cast<size_t>(ranks.rank())] = e.message();
    }
  });
  CHECK(done == std::vector<int>{1, 0, 0});
  for (const std::string& message : told) CHECK(message == "[disk] received full (rank 0 of 3), expected room");
}

TEST_CASE("rank 0's work may take longer than the others wait without a sign of it, and no longer than they may wait") {
  ThreadGroup group(3);
  group.run([&](int i) {
    Communicator ranks(group.transport(i), 1.5);
    ranks.by_first([] { std::this_thread::sleep_for(std::chrono::seconds(3)); }, 60);
  });
  ThreadGroup impatient(3);
  const auto waits = [&](int i) {
    Communicator ranks(impatient.transport(i), 1.5);
    ranks.by_first([] { std::this_thread::sleep_for(std::chrono::seconds(3)); }, 1);
  };
  CHECK_THROWS_WITH_AS(impatient.run(waits), doctest::Contains("no end of rank 0's work"), Error);
}

TEST_CASE("a rank that does not come is named when the time is over, on every rank that waits") {
  ThreadGroup group(3);
  std::vector<std::string> told(3);
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (const int r : {0, 2})
    threads.emplace_back([&, r] {
      Communicator ranks(group.transport(r), 0.2);
      std::vector<double> x = {1};
      try {
        ranks.add(x);
      } catch (const Error& e) {
        told[r] = e.message();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const int r : {0, 2}) CHECK(told[r].find("nothing from rank 1, expected all 3") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a rank that fails ends the others' waiting at once") {
  ThreadGroup group(2);
  std::string told;
  std::thread waiting([&] {
    Communicator ranks(group.transport(0), 600);
    std::vector<double> x = {1};
    try {
      ranks.add(x);
    } catch (const Error& e) {
      told = e.received();
    }
  });
  group.fail("rank 1 ran out of memory");
  waiting.join();
  CHECK(told == "rank 1 ran out of memory");
}

TEST_CASE("fewer rows than ranks are refused") {
  on_ranks(3, [&](Communicator& ranks) { CHECK_THROWS_AS(ranks.share(2), Error); });
}

}  // namespace ebm
