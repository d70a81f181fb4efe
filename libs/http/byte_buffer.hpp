#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace swarm::http {

/// Bytes that grow at the end and are taken from the front, kept in one piece and never zero-filled. Beyond the capacity
/// there are always kPadding readable bytes, which the JSON parser wants. Growing and compacting move the bytes: views
/// into the buffer do not survive prepare().
class ByteBuffer {
 public:
  static constexpr std::size_t kPadding = 64;

  explicit ByteBuffer(std::size_t capacity = 0) { if (capacity > 0) grow(capacity); }

  char* data() { return bytes_.get() + begin_; }
  const char* data() const { return bytes_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view view() const { return {data(), size()}; }
  std::size_t capacity() const { return capacity_; }

  /// Room for at least `room` more bytes at the returned place.
  char* prepare(std::size_t room) {
    if (capacity_ - end_ < room) make_room(room);
    return bytes_.get() + end_;
  }
  /// How much the place returned by prepare() holds.
  std::size_t room() const { return capacity_ - end_; }
  void commit(std::size_t n) { end_ += n; }
  void append(std::string_view text) {
    std::memcpy(prepare(text.size()), text.data(), text.size());
    commit(text.size());
  }
  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Drops what lies behind the first `size` bytes.
  void truncate(std::size_t size) { end_ = begin_ + size; }
  /// Gives memory back when the buffer is empty and bigger than `capacity`.
  void shrink(std::size_t capacity) {
    if (!empty() || capacity_ <= capacity) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
    grow(capacity);
  }

 private:
  void make_room(std::size_t room) {
    const std::size_t used = size();
    if (capacity_ >= used + room) {
      std::memmove(bytes_.get(), data(), used);
    } else {
      grow(used + room > 2 * capacity_ ? used + room : 2 * capacity_);
      return;
    }
    begin_ = 0;
    end_ = used;
  }
  void grow(std::size_t capacity) {
    const std::size_t used = size();
    std::unique_ptr<char[]> bigger(new char[capacity + kPadding]);
    if (used > 0) std::memcpy(bigger.get(), data(), used);
    std::memset(bigger.get() + capacity, 0, kPadding);
    bytes_ = std::move(bigger);
    capacity_ = capacity;
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace swarm::http
