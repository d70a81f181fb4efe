// Drives a fuzz target without libFuzzer: mutates the target's seeds for a while. With clang, link -fsanitize=fuzzer in its
// place. Usage: target [--seconds N] [--seed N] [FILE…]; files are run as they are, to see a finding again.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "libs/testing/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kInputBytesMax = 64 * 1024;
constexpr std::string_view kTelling = "\r\n \t:{}[]\",\\0123456789abcdefxutrueflsn-+.\x00\x7f\x80\xff\xc3\xe2";

void run(const std::string& input) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}
  std::string next() {
    std::string text = pick();
    for (std::size_t n = 1 + below(8); n > 0; --n) mutate(text);
    if (text.size() > kInputBytesMax) text.resize(kInputBytesMax);
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  const std::string& pick() { return seeds_[below(seeds_.size())]; }
  void mutate(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = 1 + below(below(4) == 0 ? 4096 : 16);
    switch (below(7)) {
      case 0: if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
      case 1: if (at < text.size()) text[at] = kTelling[below(kTelling.size())]; break;
      case 2: text.insert(at, 1, kTelling[below(kTelling.size())]); break;
      case 3: text.erase(at, length); break;
      case 4: text.insert(at, text.substr(below(text.size() + 1), length)); break;
      case 5: text.insert(at, pick().substr(0, length)); break;
      default: text.insert(at, std::string(length, kTelling[below(kTelling.size())])); break;
    }
  }
  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 2;
  std::uint64_t seed = std::random_device{}();
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--seconds" && i + 1 < argc) seconds = std::atof(argv[++i]);
    else if (argument == "--seed" && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    else files.emplace_back(argument);
  }
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    run({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
  }
  if (!files.empty()) return 0;
  std::fprintf(stderr, "fuzzing for %.1f s with --seed %llu\n", seconds, static_cast<unsigned long long>(seed));
  const std::vector<std::string> seeds = swarm::testing::fuzz_seeds();
  for (const std::string& input : seeds) run(input);
  Mutator mutator(seeds, seed);
  std::uint64_t runs = seeds.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (; std::chrono::steady_clock::now() < end; ++runs) run(mutator.next());
  std::fprintf(stderr, "%llu inputs\n", static_cast<unsigned long long>(runs));
  return 0;
}
