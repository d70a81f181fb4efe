#include "domain/kind_words.hpp"

#include <array>
#include <cstdint>

namespace swarm::analyst::domain {

namespace {

// One text, cut at blanks: easier to read and to extend than a list of literals.
constexpr std::string_view kWords =
    // values and types that several languages share
    "None NoneType null nil Nil NULL nullptr undefined void true false True False NaN Infinity bool boolean Boolean "
    "int integer Integer float double number Number string String str char bytes byte bytearray complex object Object "
    "list List tuple set Set dict Dict map Map array Array vector range function Function method module class "
    "type symbol Symbol bigint any unknown never iterator generator coroutine frozenset memoryview property "
    // Python
    "int64 float64 super self cls args kwargs __init__ __main__ __getitem__ __enter__ "
    "__exit__ __iter__ __next__ __str__ __call__ __len__ isinstance async_generator asyncio utf-8 ascii "
    // faults that the languages themselves define
    "ArithmeticError AssertionError AttributeError BlockingIOError BrokenPipeError BufferError ChildProcessError ConnectionAbortedError "
    "ConnectionError ConnectionRefusedError ConnectionResetError EOFError EnvironmentError FileExistsError FileNotFoundError FloatingPointError "
    "IOError ImportError IndentationError IndexError InterruptedError IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError "
    "NameError NotADirectoryError NotImplementedError OSError OverflowError PermissionError ProcessLookupError RecursionError ReferenceError "
    "RuntimeError StopAsyncIteration StopIteration SyntaxError SystemError TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError "
    "UnicodeEncodeError UnicodeError UnicodeTranslateError ValueError ZeroDivisionError BaseException ExceptionGroup EvalError RangeError URIError "
    "AggregateError InternalError DOMException CancelledError "
    // keywords
    "if else elif for while do try except finally with def return yield import from as lambda global nonlocal async "
    "await pass raise break continue del assert in is not and or new delete typeof instanceof switch case default "
    "const let var export extends static this throw catch interface enum public private protected abstract final "
    "struct impl trait fn mut ref use mod crate pub match loop where dyn unsafe move package func go defer chan "
    "select goto fallthrough template typename namespace using operator inline extern volatile signed unsigned "
    "long short auto constexpr friend virtual override statement expression declaration clause block identifier "
    // Rust
    "i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 Vec Option Some Result Ok Err Box Rc Arc RefCell "
    "Cell Mutex HashMap HashSet BTreeMap Copy Clone Send Sync Debug Display Default Drop Iterator IntoIterator "
    "FromResidual Sized Fn FnMut FnOnce From Into TryFrom PartialEq Eq PartialOrd Ord Hash Deref AsRef ToString "
    "unwrap expect unwrap_err expect_err std clone into_iter static "
    "InvalidDigit PosOverflow NegOverflow NotFound PermissionDenied AlreadyExists InvalidInput InvalidData "
    "UnexpectedEof ConnectionRefused ConnectionReset BrokenPipe WouldBlock TimedOut AddrInUse Os Custom "
    "Add Sub Mul Div Index IndexMut println "
    // JavaScript, TypeScript, React
    "map "
    "catch toString toFixed toUpperCase toLowerCase match "
    "prototype constructor JSON Promise Date Math RegExp Error Buffer "
    "require useState useEffect useContext useRef useMemo useCallback useReducer React "
    "createElement dangerouslySetInnerHTML className setState package.json "
    "toBe toEqual toThrow Proxy WeakMap ReadonlyArray Record Partial readonly JSX Element "
    // Godot
    "GDScript reload Node Node2D Spatial Vector2 Vector3 Color Dictionary PoolStringArray Reference Resource "
    "KinematicBody2D Sprite Area2D Timer Label real Variant StringName "
    // Go, C, C++
    "rune uint uint8 uint16 uint32 uint64 uintptr int8 int16 int32 error interface{} size_t ssize_t std::string "
    "uint8_t uint16_t uint32_t uint64_t int8_t int16_t int32_t int64_t wchar_t FILE string_view unique_ptr "
    "shared_ptr cout endl printf malloc free basic_string "
    // Java
    "ArrayList LinkedList Throwable Exception RuntimeException Thread Runnable Comparable Serializable StringBuilder "
    "CharSequence Iterable Collection Optional Stream java javac javaw lang util io "
    // what libraries call their members, and anybody theirs
    "len iter next open print length push pop shift unshift splice concat join filter reduce forEach find findIndex "
    "includes indexOf sort keys values entries then split trim replace slice substring call apply bind parse "
    "stringify process console exports document window children props state key received expected left right main "
    "core alloc";

constexpr std::size_t kMembersAt = kWords.find("len iter next ");
constexpr std::size_t kNowhere = std::string_view::npos;
constexpr std::size_t kSlots = 2048;

constexpr std::uint32_t hash(std::string_view word) {
  std::uint32_t h = 2166136261u;
  for (const char c : word) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h ^ (h >> 15);
}

struct Table {
  std::array<std::uint16_t, kSlots> offset{};
  std::array<std::uint8_t, kSlots> size{};
};

constexpr Table build() {
  Table table;
  std::size_t at = 0;
  while (at < kWords.size()) {
    std::size_t end = at;
    while (end < kWords.size() && kWords[end] != ' ') ++end;
    const auto word = kWords.substr(at, end - at);
    std::size_t slot = hash(word) % kSlots;
    while (table.size[slot] != 0 && kWords.substr(table.offset[slot], table.size[slot]) != word)
      slot = (slot + 1) % kSlots;
    table.offset[slot] = static_cast<std::uint16_t>(at);
    table.size[slot] = static_cast<std::uint8_t>(word.size());
    at = end + 1;
  }
  return table;
}

constexpr Table kTable = build();

// Where the word stands among them.
std::size_t find(std::string_view word) {
  if (word.empty() || word.size() > 24) return kNowhere;
  for (std::size_t slot = hash(word) % kSlots; kTable.size[slot] != 0; slot = (slot + 1) % kSlots)
    if (kWords.substr(kTable.offset[slot], kTable.size[slot]) == word) return kTable.offset[slot];
  return kNowhere;
}

}  // namespace

bool is_kind_word(std::string_view word) { return find(word) != kNowhere; }

bool is_member_word(std::string_view word) {
  const std::size_t at = find(word);
  return at != kNowhere && at >= kMembersAt;
}

}  // namespace swarm::analyst::domain
