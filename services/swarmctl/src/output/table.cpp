#include "output/table.hpp"

#include <algorithm>
#include <numeric>

#include "libs/base/check.hpp"
#include "output/printable.hpp"

namespace swarm::ctl {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShrunkMin = 8;

void print_line(std::ostream& out, const Terminal& terminal, const std::vector<Column>& columns,
                const std::vector<std::size_t>& widths, const std::vector<Cell>& cells) {
  std::string line;
  std::size_t owed = 0;  // blanks that are only needed if something follows
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string text = columns[i].shrinks ? shorten(cells[i].text, widths[i]) : cells[i].text;
    const std::size_t fill = widths[i] - std::min(widths[i], display_width(text));
    if (columns[i].right) owed += fill;
    if (!text.empty()) {
      line.append(owed, ' ');
      line += styled(text, cells[i].style, terminal);
      owed = 0;
    }
    owed += (columns[i].right ? 0 : fill) + kGap;
  }
  out << line << '\n';
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  SWARM_CHECK(row.size() == columns_.size(), "a row must have a cell for each column");
  for (Cell& cell : row) cell.text = one_line(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t available) const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    out.push_back(width);
  }
  std::size_t total = std::accumulate(out.begin(), out.end(), kGap * (out.size() - 1));
  while (available != 0 && total > available) {
    // The widest column that may shrink gives one: several end up alike.
    auto widest = out.end();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!columns_[i].shrinks || out[i] <= kShrunkMin) continue;
      const auto here = out.begin() + static_cast<std::ptrdiff_t>(i);
      if (widest == out.end() || *here > *widest) widest = here;
    }
    if (widest == out.end()) break;
    --*widest;
    --total;
  }
  return out;
}

void Table::print(std::ostream& out, const Terminal& terminal) const {
  const auto columns = widths(terminal.width);
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Style::Strong);
  print_line(out, terminal, columns_, columns, titles);
  for (const auto& row : rows_) print_line(out, terminal, columns_, columns, row);
}

void print_fields(std::ostream& out, const Terminal& terminal,
                  const std::vector<std::pair<std::string, Cell>>& fields) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) {
    if (!value.text.empty()) width = std::max(width, name.size());
  }
  for (const auto& [name, value] : fields) {
    if (value.text.empty()) continue;
    const std::string text = many_lines(value.text);
    const bool block = text.find('\n') != std::string::npos;
    out << styled(name, Style::Faint, terminal);
    if (!block) {
      out << std::string(width - name.size() + kGap, ' ') << styled(text, value.style, terminal) << '\n';
      continue;
    }
    out << '\n';
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      out << "    " << text.substr(at, end - at) << '\n';
      at = end + 1;
    }
  }
}

}  // namespace swarm::ctl
