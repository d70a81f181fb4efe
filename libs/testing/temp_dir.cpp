#include "libs/testing/temp_dir.hpp"

#include <cstdlib>

#include "libs/base/check.hpp"

namespace swarm::testing {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "swarm-test-XXXXXX").string();
  SWARM_CHECK(mkdtemp(pattern.data()) != nullptr, "no temporary directory could be made");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a test that failed half-way may have left it unreadable
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace swarm::testing
