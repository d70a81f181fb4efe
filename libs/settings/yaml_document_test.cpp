#include "libs/settings/yaml_document.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace swarm::settings;

namespace {

std::string first_fault(const std::string& yaml) {
  std::vector<Fault> faults;
  parse_document(yaml, "f", faults);
  return faults.empty() ? "" : text(faults.front());
}

std::string repeat(const std::string& part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

}  // namespace

TEST_CASE("a document becomes a tree with lines", "[settings][yaml]") {
  std::vector<Fault> faults;
  const Node root = parse_document("a: 1\nb:\n  - x\n  - {c: ~}\n", "f", faults);
  REQUIRE(faults.empty());
  REQUIRE(root.find("b") != nullptr);
  CHECK(root.find("a")->value.scalar == "1");
  const Node& b = root.find("b")->value;
  CHECK(root.find("b")->line == 2);
  REQUIRE(b.items.size() == 2);
  CHECK(b.items[1].line == 4);
  CHECK(b.items[1].find("c")->value.kind == Node::Kind::Null);
  CHECK(root.find("z") == nullptr);
}

TEST_CASE("hostile documents are refused with a line", "[settings][yaml]") {
  CHECK(first_fault("a: &x 1\nb: *x") == "f:1: anchors are not supported; write the value out");
  CHECK(first_fault("a: *x") == "f:1: not valid YAML: the referenced anchor is not defined");
  CHECK(first_fault("[a]: 1") == "f:1: a key must be plain text");
  CHECK(first_fault(": 1") == "f:1: a key is missing");
  CHECK(first_fault("a: 1\nx: {b: 1, b: 2}") == "f:2: x.b: given twice, first in line 2");
  CHECK(first_fault(repeat("a: {", 40)).find("f:1: nested deeper") == 0);
  CHECK(first_fault("a: " + repeat("[", 1000) + repeat("]", 1000)) == "f:1: nested deeper than 32 levels");
  CHECK(first_fault(repeat("- ", 100'000)) == "f:1: nested deeper than 32 levels");
  CHECK(first_fault("a: [" + repeat("1,", 200'000) + "]") == "f:1: more than 100000 values");
  CHECK(first_fault(std::string(kDocumentBytesMax + 1, 'a')) == "f: larger than 1048576 bytes");
}

TEST_CASE("no sequence of bytes brings the parser down", "[settings][yaml]") {
  std::mt19937 random(7);
  const std::string alphabet = "ab: -[]{},&*!|>'\"%@`#?\n\t\r\\\x01\xff\xc3";
  const std::string sample = "grpc: {listen: \"x\"}\nlist:\n  - a: |\n      text\n  - b: 'q'\n";
  for (int round = 0; round < 20'000; ++round) {
    std::string yaml = round % 2 == 0 ? sample : std::string(random() % 64, 'a');
    const std::size_t edits = round % 2 == 0 ? 1 + random() % 4 : yaml.size();
    for (std::size_t i = 0; i < edits && !yaml.empty(); ++i) {
      yaml[round % 2 == 0 ? random() % yaml.size() : i] = alphabet[random() % alphabet.size()];
    }
    std::vector<Fault> faults;
    const Node root = parse_document(yaml, "f", faults);
    CHECK((root.kind == Node::Kind::Map || root.kind == Node::Kind::Null));
  }
}
