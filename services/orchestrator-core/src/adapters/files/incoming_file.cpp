#include "adapters/files/incoming_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace swarm::orchestrator::files {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kSyncEvery = 8u << 20;
constexpr std::size_t kPieceBytes = 1u << 20;

}  // namespace

Error fault(const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const bool locked = error == EROFS || error == EACCES || error == EPERM;
  return {full || locked ? Code::ResourceExhausted : Code::Internal,
          "artefacts: can't " + what + ": " + std::strerror(error) + (full ? "; the disk is full: free space on it or raise the quota" : "")};
}

Result<void> sync_folder(const fs::path& folder) {
  const Descriptor at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at || ::fsync(at.get()) != 0) return fault("sync " + folder.string(), errno);
  return outcome::success();
}

Result<void> make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return sync_folder(folder.parent_path());
  if (errno != EEXIST) return fault("make " + folder.string(), errno);
  return outcome::success();
}

Incoming::~Incoming() {
  if (!kept_ && (left_over_ || written_ == 0)) ::unlink(path_.c_str());
}

Error Incoming::spoilt(Error error) {
  discard();
  return error;
}

Result<void> Incoming::skip(std::uint64_t offset, const std::function<void(std::string_view)>& seen) {
  std::string piece;
  while (written_ < offset) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, offset - written_)));
    const ssize_t n = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(written_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return spoilt(fault("read what came before", n < 0 ? errno : EIO));
    piece.resize(static_cast<std::size_t>(n));
    sum_.add(piece);
    seen(piece);
    written_ += piece.size();
  }
  // Nobody knows what of it was synced before.
  if (::ftruncate(file_.get(), static_cast<off_t>(offset)) != 0 || ::lseek(file_.get(), 0, SEEK_END) < 0) return spoilt(fault("go on", errno));
  return outcome::success();
}

Result<void> Incoming::write(std::string_view bytes) {
  if (bytes.size() > announced_.bytes - written_) {
    return spoilt({Code::InvalidArgument, "data: more than the announced " + std::to_string(announced_.bytes) + " bytes"});
  }
  sum_.add(bytes);
  for (std::string_view left = bytes; !left.empty();) {
    const ssize_t n = ::write(file_.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return spoilt(fault("write", n < 0 ? errno : ENOSPC));
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  written_ += bytes.size();
  if (written_ - synced_ < kSyncEvery) return outcome::success();
  synced_ = written_;
  if (::fdatasync(file_.get()) != 0) return spoilt(fault("write", errno));
  return outcome::success();
}

Result<void> Incoming::keep() {
  if (written_ != announced_.bytes) {
    return Error{Code::InvalidArgument, "data: " + std::to_string(written_) + " bytes came, " + std::to_string(announced_.bytes) + " were announced"};
  }
  if (const auto is = sum_.finish(); is != announced_.sha256) return spoilt({Code::InvalidArgument, "sha256: the bytes have " + is});
  // After a failed fsync nobody knows what is on the disk: the file goes, and is sent again.
  if (::fsync(file_.get()) != 0) return spoilt(fault("write", errno));
  if (auto made = make_folder(target_.parent_path()); !made) return spoilt(made.error());
  if (::rename(path_.c_str(), target_.c_str()) != 0) return spoilt(fault("rename", errno));
  kept_ = true;
  return sync_folder(target_.parent_path());
}

}  // namespace swarm::orchestrator::files
