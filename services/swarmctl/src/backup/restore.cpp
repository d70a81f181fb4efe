#include "backup/restore.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "libs/base/sha256.hpp"

namespace swarm::ctl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMark = "restoring";

Result<void> check_file(const fs::path& path, const Manifest::File& file) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Code::DataLoss, "the backup lacks " + file.path};
  Sha256 sum;
  std::uint64_t bytes = 0;
  std::string chunk(1 << 20, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
    sum.add(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())));
    bytes += static_cast<std::uint64_t>(in.gcount());
  }
  if (bytes != file.bytes || sum.finish() != file.sha256) return Error{Code::DataLoss, "the backup's " + file.path + " is not what it was"};
  return outcome::success();
}

/// Empties the directory, or says why it must not be touched.
Result<void> make_room(const fs::path& data_dir) {
  std::error_code failed;
  fs::create_directories(data_dir, failed);
  if (failed) return Error{Code::Internal, "can't make " + data_dir.string() + ": " + failed.message()};
  const bool interrupted = fs::exists(data_dir / kMark, failed);
  std::vector<fs::path> found;
  for (fs::directory_iterator it(data_dir, failed), end; !failed && it != end; it.increment(failed)) {
    // Volumes of Kubernetes come with this folder of the file system.
    if (it->path().filename() != "lost+found" && it->path().filename() != kMark) found.push_back(it->path());
  }
  if (failed) return Error{Code::Internal, "can't read " + data_dir.string() + ": " + failed.message()};
  if (!found.empty() && !interrupted) {
    return Error{Code::FailedPrecondition, data_dir.string() + " is not empty; stop the service, move its data away, and try again"};
  }
  std::ofstream(data_dir / kMark) << "swarmctl restore was interrupted; run it again\n";
  BOOST_OUTCOME_TRYV(sync_path(data_dir));
  for (const auto& path : found) {
    fs::remove_all(path, failed);
    if (failed) return Error{Code::Internal, "can't remove " + path.string() + ": " + failed.message()};
  }
  return outcome::success();
}

Result<void> put_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::create_directories(to.parent_path(), failed);
  if (!failed) fs::copy_file(from, to, failed);
  if (!failed) fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, failed);
  if (failed) return Error{failed == std::errc::no_space_on_device ? Code::ResourceExhausted : Code::Internal, "can't write " + to.string() + ": " + failed.message()};
  BOOST_OUTCOME_TRYV(sync_path(to));
  return sync_path(to.parent_path());
}

}  // namespace

Result<Manifest> check_backup(const fs::path& backup) {
  BOOST_OUTCOME_TRY(auto manifest, read_manifest(backup));
  for (const auto& file : manifest.files) {
    BOOST_OUTCOME_TRYV(check_file(backup / "data" / file.path, file));
  }
  return manifest;
}

Result<Manifest> restore_backup(const fs::path& backup, const fs::path& data_dir) {
  BOOST_OUTCOME_TRY(auto manifest, check_backup(backup));
  BOOST_OUTCOME_TRYV(make_room(data_dir));
  auto files = manifest.files;
  std::stable_partition(files.begin(), files.end(), [](const auto& file) { return fs::path(file.path).filename() != "identity"; });
  for (const auto& file : files) {
    BOOST_OUTCOME_TRYV(put_file(backup / "data" / file.path, data_dir / file.path));
  }
  std::error_code failed;
  fs::remove(data_dir / kMark, failed);
  if (failed) return Error{Code::Internal, "can't remove " + (data_dir / kMark).string() + ": " + failed.message()};
  BOOST_OUTCOME_TRYV(sync_path(data_dir));
  return manifest;
}

}  // namespace swarm::ctl
