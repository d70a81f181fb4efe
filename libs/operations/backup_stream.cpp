#include "libs/operations/backup_stream.hpp"

#include <fstream>
#include <optional>

#include "libs/base/sha256.hpp"
#include "libs/rpc/status.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::operations {
namespace {

constexpr std::size_t kChunkBytes = 256 << 10;

class Refused final : public grpc::ServerWriteReactor<::operations::BackupPart> {
 public:
  explicit Refused(const Error& error) { Finish(rpc::to_status(error)); }
  void OnDone() override { delete this; }
};

}  // namespace

/// First the copier's thread has it, then, one part after the other, whichever thread gRPC calls OnWriteDone on: never two at once.
class BackupStream final : public grpc::ServerWriteReactor<::operations::BackupPart> {
 public:
  explicit BackupStream(BackupDesk& desk) : desk_(desk) {}

  /// On the copier's thread. The call may be gone, and this with it, when it returns.
  void copy() {
    auto made = BackupCopy::make(desk_.data_dir_, desk_.sources_);
    if (!made) {
      log::warn("backup failed", {{"error", made.error().message}});
      return Finish(rpc::to_status(made.error()));
    }
    copy_.emplace(std::move(made.value()));
    auto& begin = *part_.mutable_begin();
    begin.set_service(desk_.service_);
    begin.set_version(SWARM_VERSION);
    begin.set_made_unix_ms(unix_ms(desk_.clock_.wall_now()));
    std::uint64_t bytes = 0;
    for (const auto& file : copy_->files()) bytes += file.bytes;
    begin.set_bytes(bytes);
    send();
  }

  void OnWriteDone(bool ok) override {
    if (!ok || cancelled_) return Finish(grpc::Status::CANCELLED);
    if (ended_) {
      log::info("backup sent", {{"files", copy_->files().size()}});
      return Finish(grpc::Status::OK);
    }
    if (const auto next = next_part(); !next) return Finish(rpc::to_status(next.error()));
    send();
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    copy_.reset();
    desk_.busy_ = false;
    delete this;
  }

 private:
  void send() {
    if (cancelled_) return Finish(grpc::Status::CANCELLED);
    StartWrite(&part_);
  }

  Result<void> next_part() {
    part_.Clear();
    if (in_.is_open()) return read_on();
    if (file_ == copy_->files().size()) {
      part_.mutable_end()->set_files(copy_->files().size());
      ended_ = true;
      return outcome::success();
    }
    const auto& file = copy_->files()[file_];
    in_.open(copy_->directory() / file.path, std::ios::binary);
    if (!in_) return Error{Code::Internal, "backup: can't read its copy of " + file.path};
    sum_ = Sha256();
    part_.mutable_file()->set_path(file.path);
    part_.mutable_file()->set_bytes(file.bytes);
    return outcome::success();
  }

  Result<void> read_on() {
    std::string& data = *part_.mutable_data();
    data.resize(kChunkBytes);
    in_.read(data.data(), static_cast<std::streamsize>(data.size()));
    data.resize(static_cast<std::size_t>(in_.gcount()));
    if (in_.bad()) return Error{Code::Internal, "backup: can't read its copy of " + copy_->files()[file_].path};
    sum_.add(data);
    if (!data.empty()) return outcome::success();
    part_.mutable_file_end()->set_sha256(sum_.finish());
    in_.close();
    in_.clear();
    ++file_;
    return outcome::success();
  }

  BackupDesk& desk_;
  std::optional<BackupCopy> copy_;
  ::operations::BackupPart part_;
  std::ifstream in_;
  Sha256 sum_;
  std::size_t file_ = 0;
  bool ended_ = false;
  std::atomic<bool> cancelled_ = false;
};

BackupDesk::BackupDesk(std::string service, std::filesystem::path data_dir, std::vector<BackupSource> sources, const Clock& clock)
    : service_(std::move(service)), data_dir_(std::move(data_dir)), sources_(std::move(sources)), clock_(clock) {
  BackupCopy::remove_left_over(data_dir_);
}

grpc::ServerWriteReactor<::operations::BackupPart>* BackupDesk::open() {
  if (busy_.exchange(true)) return refused_backup({Code::Aborted, "another backup of this service is being made; try again when it is done"});
  auto* stream = new BackupStream(*this);  // deletes itself in OnDone
  copier_ = std::jthread([stream] { stream->copy(); });
  return stream;
}

grpc::ServerWriteReactor<::operations::BackupPart>* refused_backup(const Error& error) { return new Refused(error); }

}  // namespace swarm::operations
