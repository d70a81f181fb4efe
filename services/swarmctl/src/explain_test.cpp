#include "explain.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace swarm::ctl;

TEST_CASE("a failed call says what, where and what next in one line", "[explain]") {
  const CallSite site{Peer::Analyst, "h:1", std::chrono::seconds(10), "abc"};
  CHECK(explain({Code::Unavailable, "failed to connect to all addresses; last error: x: Connection refused"}, site) ==
        "can't reach the analyst at h:1 (Connection refused); start analyst-service, or give --analyst ADDRESS");
  CHECK(explain({Code::Unavailable, "draining"}, site) ==
        "the analyst at h:1 is not ready: draining; try again, and see swarmctl doctor");
  CHECK(explain({Code::DeadlineExceeded, "x"}, site).find("no answer within 10s") != std::string::npos);
  CHECK(explain({Code::NotFound, "no task id=7"}, site) == "the analyst at h:1 says: no task id=7 (NOT_FOUND)");
  CHECK(explain({Code::Internal, "oops"}, site).find("trace_id abc") != std::string::npos);
  CHECK(explain({Code::NotFound, "two\nlines\x1b"}, site).find_first_of("\n\x1b") == std::string::npos);
}
