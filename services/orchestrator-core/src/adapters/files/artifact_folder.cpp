#include "adapters/files/artifact_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "adapters/files/incoming_file.hpp"
#include "domain/artifact.hpp"
#include "libs/base/sha256.hpp"
#include "libs/base/uuid.hpp"

namespace swarm::orchestrator::files {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kIncoming = "incoming";
constexpr std::size_t kPrefixDigits = 2;

class Outgoing final : public OutgoingFile {
 public:
  Outgoing(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  std::uint64_t size() const override { return size_; }

  Result<std::size_t> read(std::uint64_t offset, std::string& out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = ::pread(file_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error{Code::DataLoss, std::string("artefacts: can't read: ") + std::strerror(errno)};
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    out.resize(done);
    return done;
  }

 private:
  const Descriptor file_;
  const std::uint64_t size_;
};

}  // namespace

class ArtifactFolder::Claim {
 public:
  Claim(std::shared_ptr<Claims> all, std::string name) : all_(std::move(all)), name_(std::move(name)) {}
  ~Claim() {
    std::lock_guard lock(all_->mutex);
    all_->names.erase(name_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  const std::shared_ptr<Claims> all_;
  const std::string name_;
};

/// Null: another one has it.
std::unique_ptr<ArtifactFolder::Claim> ArtifactFolder::claim(const std::string& name) const {
  std::lock_guard lock(claims_->mutex);
  return claims_->names.insert(name).second ? std::make_unique<Claim>(claims_, name) : nullptr;
}

Result<std::unique_ptr<ArtifactFolder>> ArtifactFolder::open(fs::path folder, FolderOptions options) {
  std::error_code failed;
  fs::create_directories(folder.parent_path(), failed);
  BOOST_OUTCOME_TRYV(make_folder(folder));
  BOOST_OUTCOME_TRYV(make_folder(folder / kIncoming));
  for (fs::directory_iterator at(folder / kIncoming, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (to_sha256(name) != name) fs::remove_all(at->path(), failed);
  }
  if (failed) return Error{Code::Internal, "artefacts: can't tidy " + (folder / kIncoming).string() + ": " + failed.message()};
  std::unique_ptr<ArtifactFolder> out(new ArtifactFolder(std::move(folder), options));
  out->drop_abandoned();
  return out;
}

fs::path ArtifactFolder::path_of(const std::string& sha256) const { return folder_ / sha256.substr(0, kPrefixDigits) / sha256; }

fs::path ArtifactFolder::incoming(const std::string& name) const { return folder_ / kIncoming / name; }

bool ArtifactFolder::has(const std::string& sha256, std::uint64_t bytes) const {
  struct stat found{};
  return ::stat(path_of(sha256).c_str(), &found) == 0 && S_ISREG(found.st_mode) && static_cast<std::uint64_t>(found.st_size) == bytes;
}

Result<void> ArtifactFolder::check_room(std::uint64_t bytes) const {
  std::error_code failed;
  const auto space = fs::space(folder_, failed);
  if (failed || space.available >= bytes + options_.free_min) return outcome::success();
  return Error{Code::ResourceExhausted, "the disk has " + std::to_string(space.available >> 20) + " MiB free, of which " +
                                            std::to_string(options_.free_min >> 20) + " stay free (artifacts.free_min)"};
}

Result<std::unique_ptr<IncomingFile>> ArtifactFolder::create(const std::string& sha256, std::uint64_t bytes) {
  BOOST_OUTCOME_TRY(check_room(bytes));
  std::shared_ptr<Claim> mine = claim(sha256);
  auto name = sha256;
  if (!mine) {
    unsigned char random[16];
    random_bytes(random, sizeof(random));
    name = sha256_hex(std::string_view(reinterpret_cast<const char*>(random), sizeof(random))) + ".again";
  }
  Descriptor file(::open(incoming(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fault("make " + incoming(name).string(), errno);
  const bool resumable = mine && options_.resume_within.count() > 0;
  return std::unique_ptr<IncomingFile>(
      std::make_unique<Incoming>(std::move(file), incoming(name), path_of(sha256), Incoming::Announced{sha256, bytes, resumable}, std::move(mine)));
}

Result<std::unique_ptr<IncomingFile>> ArtifactFolder::resume(const std::string& sha256, std::uint64_t bytes, std::uint64_t offset,
                                                             const std::function<void(std::string_view)>& seen) {
  std::shared_ptr<Claim> mine = claim(sha256);
  if (!mine) return Error{Code::Unavailable, "an upload of these bytes is still under way; try again"};
  BOOST_OUTCOME_TRY(check_room(bytes - offset));
  Descriptor file(::open(incoming(sha256).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat found{};
  const bool there = file && ::fstat(file.get(), &found) == 0;
  const std::uint64_t here = there ? static_cast<std::uint64_t>(found.st_size) : 0;
  if (here < offset) return Error{Code::OutOfRange, "offset: " + std::to_string(here) + " bytes of it are here"};
  auto out = std::make_unique<Incoming>(std::move(file), incoming(sha256), path_of(sha256), Incoming::Announced{sha256, bytes, true}, std::move(mine));
  BOOST_OUTCOME_TRY(out->skip(offset, seen));
  return std::unique_ptr<IncomingFile>(std::move(out));
}

Result<std::uint64_t> ArtifactFolder::arrived(const std::string& sha256) const {
  const auto mine = claim(sha256);
  if (!mine) return Error{Code::Unavailable, "an upload of these bytes is still under way; try again"};
  struct stat found{};
  if (::stat(incoming(sha256).c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::uint64_t{0};
  return static_cast<std::uint64_t>(found.st_size);
}

void ArtifactFolder::drop_abandoned() {
  std::vector<std::pair<fs::file_time_type, std::string>> all;
  std::error_code failed;
  for (fs::directory_iterator at(folder_ / kIncoming, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code gone;
    const auto when = at->last_write_time(gone);
    if (!gone) all.emplace_back(when, at->path().filename().string());
  }
  std::sort(all.rbegin(), all.rend());
  const auto oldest = fs::file_time_type::clock::now() - options_.resume_within;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [when, name] = all[i];
    if (i < options_.resumable_max && when >= oldest) continue;
    if (to_sha256(name) != name) continue;  // of an upload that nobody can go on with: it goes with that
    if (const auto mine = claim(name)) ::unlink(incoming(name).c_str());
  }
}

Result<std::unique_ptr<OutgoingFile>> ArtifactFolder::open(const std::string& sha256) const {
  Descriptor file(::open(path_of(sha256).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat found{};
  if (!file || ::fstat(file.get(), &found) != 0) {
    if (errno == ENOENT) return Error{Code::NotFound, "the bytes of the artefact are not there sha256=" + sha256};
    return Error{Code::DataLoss, std::string("artefacts: can't open: ") + std::strerror(errno)};
  }
  return std::unique_ptr<OutgoingFile>(std::make_unique<Outgoing>(std::move(file), static_cast<std::uint64_t>(found.st_size)));
}

Result<void> ArtifactFolder::remove(const std::string& sha256) {
  if (::unlink(path_of(sha256).c_str()) == 0 || errno == ENOENT) return outcome::success();
  return fault("remove " + sha256, errno);
}

Result<void> ArtifactFolder::each(const std::function<bool(const std::string& sha256)>& visit) const {
  std::error_code failed;
  for (fs::directory_iterator folder(folder_, failed), end; !failed && folder != end; folder.increment(failed)) {
    if (folder->path().filename().string().size() != kPrefixDigits) continue;
    for (fs::directory_iterator file(folder->path(), failed); !failed && file != end; file.increment(failed)) {
      const auto name = file->path().filename().string();
      if (to_sha256(name) == name && !visit(name)) return outcome::success();
    }
  }
  if (failed) return Error{Code::Internal, "artefacts: can't list " + folder_.string() + ": " + failed.message()};
  return outcome::success();
}

Result<void> ArtifactFolder::link_into(const fs::path& target) const {
  std::error_code failed;
  Result<void> done = outcome::success();
  BOOST_OUTCOME_TRYV(each([&](const std::string& sha256) {
    const auto to = target / sha256.substr(0, kPrefixDigits);
    fs::create_directories(to, failed);
    if (!failed) fs::create_hard_link(path_of(sha256), to / sha256, failed);
    if (failed == std::errc::operation_not_supported || failed == std::errc::operation_not_permitted || failed == std::errc::too_many_links) {
      fs::copy_file(path_of(sha256), to / sha256, failed);
    }
    if (failed) done = fault("copy " + sha256, failed.value());
    return !failed;
  }));
  return done;
}

}  // namespace swarm::orchestrator::files
