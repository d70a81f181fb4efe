#include "adapters/files/artifact_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "domain/artifact.hpp"
#include "libs/base/sha256.hpp"
#include "libs/base/uuid.hpp"

namespace swarm::orchestrator::files {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kIncoming = "incoming";
constexpr std::uint64_t kSyncEvery = 8u << 20;
constexpr std::size_t kPrefixDigits = 2;

Error fault(const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  const bool locked = error == EROFS || error == EACCES || error == EPERM;
  return {full || locked ? Code::ResourceExhausted : Code::Internal, "artefacts: can't " + what + ": " + std::strerror(error)};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

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

class Incoming final : public IncomingFile {
 public:
  Incoming(Descriptor file, fs::path path, fs::path target, std::string sha256, std::uint64_t bytes)
      : file_(std::move(file)), path_(std::move(path)), target_(std::move(target)), sha256_(std::move(sha256)), announced_(bytes) {}
  ~Incoming() override {
    if (!kept_) ::unlink(path_.c_str());
  }

  Result<void> write(std::string_view bytes) override {
    if (bytes.size() > announced_ - written_) return Error{Code::InvalidArgument, "data: more than the announced " + std::to_string(announced_) + " bytes"};
    sum_.add(bytes);
    for (std::string_view left = bytes; !left.empty();) {
      const ssize_t n = ::write(file_.get(), left.data(), left.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fault("write", n < 0 ? errno : ENOSPC);
      left.remove_prefix(static_cast<std::size_t>(n));
    }
    written_ += bytes.size();
    if (written_ - synced_ < kSyncEvery) return outcome::success();
    synced_ = written_;
    if (::fdatasync(file_.get()) != 0) return fault("write", errno);
    return outcome::success();
  }

  Result<void> keep() override {
    if (written_ != announced_) {
      return Error{Code::InvalidArgument, "data: " + std::to_string(written_) + " bytes came, " + std::to_string(announced_) + " were announced"};
    }
    if (const auto is = sum_.finish(); is != sha256_) return Error{Code::InvalidArgument, "sha256: the bytes have " + is};
    // After a failed fsync nobody knows what is on the disk: the file goes, and is sent again.
    if (::fsync(file_.get()) != 0) return fault("write", errno);
    BOOST_OUTCOME_TRYV(make_folder(target_.parent_path()));
    if (::rename(path_.c_str(), target_.c_str()) != 0) return fault("rename", errno);
    kept_ = true;
    return sync_folder(target_.parent_path());
  }

 private:
  Descriptor file_;
  const fs::path path_;
  const fs::path target_;
  const std::string sha256_;
  const std::uint64_t announced_;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  Sha256 sum_;
  bool kept_ = false;
};

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

Result<std::unique_ptr<ArtifactFolder>> ArtifactFolder::open(fs::path folder, std::uint64_t free_min) {
  std::error_code failed;
  fs::create_directories(folder.parent_path(), failed);
  BOOST_OUTCOME_TRYV(make_folder(folder));
  fs::remove_all(folder / kIncoming, failed);
  if (failed) return Error{Code::Internal, "artefacts: can't empty " + (folder / kIncoming).string() + ": " + failed.message()};
  BOOST_OUTCOME_TRYV(make_folder(folder / kIncoming));
  return std::unique_ptr<ArtifactFolder>(new ArtifactFolder(std::move(folder), free_min));
}

fs::path ArtifactFolder::path_of(const std::string& sha256) const { return folder_ / sha256.substr(0, kPrefixDigits) / sha256; }

bool ArtifactFolder::has(const std::string& sha256, std::uint64_t bytes) const {
  struct stat found{};
  return ::stat(path_of(sha256).c_str(), &found) == 0 && S_ISREG(found.st_mode) && static_cast<std::uint64_t>(found.st_size) == bytes;
}

Result<std::unique_ptr<IncomingFile>> ArtifactFolder::create(const std::string& sha256, std::uint64_t bytes) {
  std::error_code failed;
  const auto space = fs::space(folder_, failed);
  if (!failed && space.available < bytes + free_min_) {
    return Error{Code::ResourceExhausted, "the disk has " + std::to_string(space.available >> 20) + " MiB free, of which " +
                                              std::to_string(free_min_ >> 20) + " stay free (artifacts.free_min)"};
  }
  unsigned char name[16];
  random_bytes(name, sizeof(name));
  const auto path = folder_ / kIncoming / sha256_hex(std::string_view(reinterpret_cast<const char*>(name), sizeof(name)));
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return fault("make " + path.string(), errno);
  auto out = std::make_unique<Incoming>(std::move(file), path, path_of(sha256), sha256, bytes);
  return std::unique_ptr<IncomingFile>(std::move(out));
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
