#include "adapters/files/artifact_folder.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "libs/base/sha256.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using swarm::orchestrator::files::ArtifactFolder;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  std::size_t n = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) n += entry.is_regular_file() ? 1 : 0;
  return n;
}

struct Fixture {
  testing::TempDir temp;
  fs::path place = temp.path() / "artefacts";
  std::unique_ptr<ArtifactFolder> folder = ArtifactFolder::open(place, {}).value();

  void keep(const std::string& bytes) {
    auto file = folder->create(sha256_hex(bytes), bytes.size());
    REQUIRE(file);
    REQUIRE(file.value()->write(bytes));
    REQUIRE(file.value()->keep());
  }
};

}  // namespace

TEST_CASE("a file is there under its digest once it is kept, and readable from anywhere", "[artifact_folder]") {
  Fixture f;
  const std::string bytes = std::string(100'000, 'a') + "end";
  const auto sha256 = sha256_hex(bytes);
  {
    auto file = f.folder->create(sha256, bytes.size());
    REQUIRE(file.value()->write(bytes.substr(0, 7)));
    REQUIRE(file.value()->write(bytes.substr(7)));
    CHECK_FALSE(f.folder->has(sha256, bytes.size()));
    REQUIRE(file.value()->keep());
  }
  CHECK(f.folder->has(sha256, bytes.size()));
  CHECK_FALSE(f.folder->has(sha256, bytes.size() - 1));
  auto out = f.folder->open(sha256);
  REQUIRE(out);
  CHECK(out.value()->size() == bytes.size());
  std::string part(10, '\0');
  CHECK(out.value()->read(bytes.size() - 3, part).value() == 3);
  CHECK(part == "end");
  REQUIRE(f.folder->remove(sha256));
  REQUIRE(f.folder->remove(sha256));
  part.assign(3, '\0');
  CHECK(out.value()->read(0, part).value() == 3);
  CHECK(f.folder->open(sha256).error().code == Code::NotFound);
}

TEST_CASE("nothing is left of a file that is not kept, too long, too short or another one", "[artifact_folder]") {
  Fixture f;
  const auto sha256 = sha256_hex("abc");
  {
    auto file = f.folder->create(sha256, 3);
    CHECK(file.value()->write("abcd").error().code == Code::InvalidArgument);
  }
  {
    auto file = f.folder->create(sha256, 3);
    REQUIRE(file.value()->write("ab"));
    CHECK(file.value()->keep().error().code == Code::InvalidArgument);
    file.value()->discard();
  }
  {
    auto file = f.folder->create(sha256, 3);
    REQUIRE(file.value()->write("abd"));
    CHECK(file.value()->keep().error().message.find(sha256_hex("abd")) != std::string::npos);
  }
  CHECK(files_in(f.place) == 0);
}

TEST_CASE("what a killed process left on its way in is gone at the next start, whole files stay", "[artifact_folder]") {
  Fixture f;
  f.keep("whole");
  std::ofstream(f.place / "incoming" / "half") << "ha";
  f.folder = ArtifactFolder::open(f.place, {}).value();
  CHECK(files_in(f.place) == 1);
  CHECK(f.folder->has(sha256_hex("whole"), 5));
  CHECK(ArtifactFolder::open(f.place, {1ull << 60}).value()->create(sha256_hex("x"), 1).error().code == Code::ResourceExhausted);
}

TEST_CASE("each file is listed, and linked into a copy", "[artifact_folder]") {
  Fixture f;
  for (int i = 0; i < 20; ++i) f.keep(std::to_string(i));
  std::size_t seen = 0;
  REQUIRE(f.folder->each([&](const std::string&) { return ++seen < 1'000; }));
  CHECK(seen == 20);
  const auto copy = f.temp.path() / "copy";
  REQUIRE(f.folder->link_into(copy));
  CHECK(files_in(copy) == 20);
}

TEST_CASE("what was cut off is gone on with, also after a restart, and from an earlier place too", "[artifact_folder]") {
  Fixture f;
  const auto sha256 = sha256_hex("abcdef");
  {
    auto file = f.folder->create(sha256, 6);
    REQUIRE(file.value()->write("abcd"));
    CHECK(f.folder->arrived(sha256).error().code == Code::Unavailable);
    CHECK(f.folder->resume(sha256, 6, 4, [](auto) {}).error().code == Code::Unavailable);
    auto same = f.folder->create(sha256, 6);
    REQUIRE(same.value()->write("abc"));
  }
  CHECK(f.folder->arrived(sha256).value() == 4);
  CHECK(files_in(f.place) == 1);
  CHECK(f.folder->resume(sha256, 6, 5, [](auto) {}).error().code == Code::OutOfRange);
  f.folder = ArtifactFolder::open(f.place, {}).value();
  std::string seen;
  {
    auto file = f.folder->resume(sha256, 6, 3, [&](std::string_view bytes) { seen += bytes; });
    REQUIRE(file.value()->write("d"));
  }
  CHECK(seen == "abc");
  CHECK(f.folder->arrived(sha256).value() == 4);
  {
    auto file = f.folder->resume(sha256, 6, 4, [](auto) {});
    REQUIRE(file.value()->write("ef"));
    REQUIRE(file.value()->keep());
  }
  CHECK(f.folder->has(sha256, 6));
  CHECK(f.folder->arrived(sha256).value() == 0);
  CHECK(files_in(f.place) == 1);
}

TEST_CASE("what goes on with other bytes is found out at the end, and nothing of it is left", "[artifact_folder]") {
  Fixture f;
  const auto sha256 = sha256_hex("abcdef");
  REQUIRE(f.folder->create(sha256, 6).value()->write("abX"));
  {
    auto file = f.folder->resume(sha256, 6, 3, [](auto) {});
    REQUIRE(file.value()->write("def"));
    CHECK(file.value()->keep().error().code == Code::InvalidArgument);
  }
  CHECK(files_in(f.place) == 0);
  CHECK(f.folder->arrived(sha256).value() == 0);
}

TEST_CASE("what was cut off goes when it is too old or there is too much of it", "[artifact_folder]") {
  Fixture f;
  f.folder = ArtifactFolder::open(f.place, {0, std::chrono::hours(1), 3}).value();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(f.folder->create(sha256_hex(std::to_string(i)), 6).value()->write("abc"));
  }
  auto open = f.folder->create(sha256_hex("open"), 6);
  REQUIRE(open.value()->write("abc"));
  f.folder->drop_abandoned();
  CHECK(files_in(f.place) >= 3);
  CHECK(files_in(f.place) <= 4);
  for (const auto& entry : fs::directory_iterator(f.place / "incoming")) fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(2));
  f.folder->drop_abandoned();
  CHECK(files_in(f.place) == 1);
  REQUIRE(open.value()->write("def"));
}
