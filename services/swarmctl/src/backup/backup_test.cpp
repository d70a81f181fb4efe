#include <catch2/catch.hpp>
#include <fstream>

#include "backup/receive.hpp"
#include "backup/restore.hpp"
#include "backup/set.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::ctl;
namespace fs = std::filesystem;

namespace {

operations::BackupPart begin() {
  operations::BackupPart part;
  part.mutable_begin()->set_service("test");
  return part;
}
operations::BackupPart file(const std::string& path, std::uint64_t bytes) {
  operations::BackupPart part;
  part.mutable_file()->set_path(path);
  part.mutable_file()->set_bytes(bytes);
  return part;
}
operations::BackupPart data(const std::string& bytes) {
  operations::BackupPart part;
  part.set_data(bytes);
  return part;
}
operations::BackupPart file_end(const std::string& bytes) {
  operations::BackupPart part;
  part.mutable_file_end()->set_sha256(sha256_hex(bytes));
  return part;
}
operations::BackupPart end(std::uint64_t files) {
  operations::BackupPart part;
  part.mutable_end()->set_files(files);
  return part;
}

struct Fixture {
  testing::TempDir temp;
  fs::path backup = temp.path() / "backup";
  fs::path target = temp.path() / "data";

  Error refused(const std::vector<operations::BackupPart>& parts) {
    auto receiver = BackupReceiver::open(backup);
    REQUIRE(receiver);
    for (const auto& part : parts) {
      if (const auto taken = receiver.value().take(part); !taken) return taken.error();
    }
    const auto done = receiver.value().finish();
    REQUIRE_FALSE(done);
    return done.error();
  }
  void make() {
    auto receiver = BackupReceiver::open(backup).value();
    for (const auto& part : {begin(), file("data.mdb", 5), data("he"), data("llo"), file_end("hello"), file("identity", 2), data("me"), file_end("me"),
                             file("audit/a", 0), file_end(""), end(3)}) {
      REQUIRE(receiver.take(part));
    }
    REQUIRE(receiver.finish());
  }
  std::string text(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a backup is received, checked and restored byte for byte", "[backup]") {
  make();
  CHECK(check_backup(backup));
  const auto restored = restore_backup(backup, target);
  REQUIRE(restored);
  CHECK(restored.value().service == "test");
  CHECK(text(target / "data.mdb") == "hello");
  CHECK(text(target / "identity") == "me");
  CHECK(fs::exists(target / "audit" / "a"));
  CHECK_FALSE(fs::exists(target / "restoring"));
  CHECK(BackupReceiver::open(backup).error().code == Code::AlreadyExists);
}

TEST_CASE_METHOD(Fixture, "a service that sends nonsense makes no backup", "[backup]") {
  CHECK(refused({begin(), file("a", 1), data("x"), file_end("x")}).code == Code::DataLoss);  // cut off
  CHECK(refused({begin(), file("a", 1), data("x"), end(1)}).code == Code::DataLoss);
  CHECK(refused({begin(), file("a", 1), data("xy"), file_end("xy")}).code == Code::DataLoss);
  CHECK(refused({begin(), file("a", 1), data("x"), file_end("y")}).code == Code::DataLoss);
  CHECK(refused({begin(), data("x")}).code == Code::DataLoss);
  CHECK(refused({file("a", 1)}).code == Code::DataLoss);
  CHECK(refused({begin(), begin()}).code == Code::DataLoss);
  CHECK(refused({begin(), end(1)}).code == Code::DataLoss);
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "", "a//b/../c", "."}) {
    INFO(path);
    CHECK(refused({begin(), file(path, 0)}).code == Code::DataLoss);
  }
  CHECK_FALSE(fs::exists(backup));
  CHECK_FALSE(fs::exists(temp.path() / "x"));
}

TEST_CASE_METHOD(Fixture, "a restore never touches data that is there", "[backup]") {
  make();
  fs::create_directory(target);
  std::ofstream(target / "data.mdb") << "mine";
  CHECK(restore_backup(backup, target).error().code == Code::FailedPrecondition);
  CHECK(text(target / "data.mdb") == "mine");
}

TEST_CASE_METHOD(Fixture, "an interrupted restore begins anew, a volume's lost+found stays", "[backup]") {
  make();
  fs::create_directories(target / "lost+found");
  std::ofstream(target / "restoring") << "x";
  std::ofstream(target / "data.mdb") << "hal";
  REQUIRE(restore_backup(backup, target));
  CHECK(text(target / "data.mdb") == "hello");
  CHECK(fs::exists(target / "lost+found"));
}

TEST_CASE_METHOD(Fixture, "damaged and newer backups are refused before anything is written", "[backup]") {
  make();
  SECTION("a changed file") { std::ofstream(backup / "data" / "data.mdb") << "hellO"; }
  SECTION("a missing file") { fs::remove(backup / "data" / "audit" / "a"); }
  SECTION("a manifest that is none") { std::ofstream(backup / "manifest.json") << "{\"format\":1}"; }
  SECTION("a manifest that leads out of the backup") {
    std::ofstream(backup / "manifest.json")
        << R"({"format":1,"service":"t","version":"1","made_unix_ms":0,"files":[{"path":"../x","bytes":0,"sha256":""}]})";
  }
  SECTION("no manifest") { fs::remove(backup / "manifest.json"); }
  SECTION("a newer format") {
    std::ofstream(backup / "manifest.json") << R"({"format":2})";
    CHECK(check_backup(backup).error().code == Code::FailedPrecondition);
  }
  CHECK_FALSE(restore_backup(backup, target));
  CHECK_FALSE(fs::exists(target));
}

TEST_CASE_METHOD(Fixture, "a set is whole or refused, and restored to free places only", "[backup]") {
  const fs::path set = temp.path() / "set";
  for (const char* name : {"first", "second"}) {
    backup = set / name;
    make();
  }
  CHECK_FALSE(is_backup_set(set));
  REQUIRE(write_backup_set(set, {"first", "second"}));
  CHECK(is_backup_set(set));
  SECTION("whole") {
    const auto restored = restore_backup_set(set, target);
    REQUIRE(restored);
    CHECK(restored.value().size() == 2);
    CHECK((text(target / "first" / "data.mdb") == "hello" && text(target / "second" / "data.mdb") == "hello"));
    CHECK(restore_backup_set(set, target).error().code == Code::FailedPrecondition);
  }
  SECTION("one place is taken: nothing is written") {
    fs::create_directories(target / "second");
    std::ofstream(target / "second" / "data.mdb") << "mine";
    CHECK(restore_backup_set(set, target).error().code == Code::FailedPrecondition);
    CHECK_FALSE(fs::exists(target / "first"));
  }
  SECTION("a member that is missing, damaged, exchanged, or older than what it must follow") {
    SECTION("missing") { fs::remove_all(set / "second"); }
    SECTION("damaged") { std::ofstream(set / "second" / "data" / "data.mdb") << "hellO"; }
    SECTION("exchanged") {
      auto other = read_manifest(set / "second").value();
      other.version = "another";
      REQUIRE(write_manifest(set / "second", other));
    }
    SECTION("older") {
      auto late = read_manifest(set / "first").value();
      late.made_unix_ms += 1;
      REQUIRE(write_manifest(set / "first", late));
      REQUIRE(write_backup_set(set, {"first", "second"}));
    }
    SECTION("not of this set") { std::ofstream(set / "set.json") << R"({"format":1,"members":[{"folder":"../x","manifest_sha256":""}]})"; }
    CHECK(check_backup_set(set).error().code == Code::DataLoss);
    CHECK_FALSE(restore_backup_set(set, target));
    CHECK_FALSE(fs::exists(target));
  }
  std::ofstream(set / "set.json") << R"({"format":2})";
  CHECK(check_backup_set(set).error().code == Code::FailedPrecondition);
}
