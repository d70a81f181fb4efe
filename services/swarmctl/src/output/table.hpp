#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "output/terminal.hpp"

namespace swarm::ctl {

struct Column {
  std::string title;
  bool right = false;     // numbers
  bool shrinks = false;   // gives way when the terminal is narrow; ids never do, so that they can be pasted
};

struct Cell {
  std::string text;
  Style style = Style::Plain;

  Cell(std::string t) : text(std::move(t)) {}
  Cell(const char* t) : text(t) {}
  Cell(std::string t, Style s) : text(std::move(t)), style(s) {}
};

/// Rows in aligned columns below their titles. On a terminal each row takes one line; elsewhere nothing is cut.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns; their text may be anything.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  void print(std::ostream& out, const Terminal& terminal) const;

 private:
  std::vector<std::size_t> widths(std::size_t available) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// `name  value` pairs below each other; empty values are left out.
void print_fields(std::ostream& out, const Terminal& terminal,
                  const std::vector<std::pair<std::string, Cell>>& fields);

}  // namespace swarm::ctl
