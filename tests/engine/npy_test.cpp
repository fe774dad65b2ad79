#include "engine/npy.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "kernels/error.h"
#include "tests/files.h"

namespace wasserkern::testing {
namespace {

/// The header of NumPy's format 1.0 for a dictionary: 128 or 64 bytes with all that precedes the values.
Bytes header(const std::string& dictionary, size_t size) {
  Bytes bytes = to_bytes("\x93NUMPY");
  const auto length = size - 10;
  for (const size_t byte : {size_t{1}, size_t{0}, length % 256, length / 256}) bytes.push_back(std::byte(byte));
  std::string text = dictionary;
  text.resize(length - 1, ' ');
  return joined(bytes, to_bytes(text + "\n"));
}

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

const std::string kFloats32 = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";  // as NumPy writes it

std::string floats_error(const Bytes& bytes) {
  return data_error([&] { parse_npy_floats(bytes, "na\nme"); });
}

}  // namespace

TEST_CASE("arrays are written in NumPy's format, byte for byte", "[npy]") {
  const TemporaryFolder folder;
  const auto path = folder / "array.npy";
  const std::vector<float> values = {1, -2.5f, 1e-40f, 3, 4, 5};

  write_npy(path, {3, 2}, values);
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, )}", 128), bytes_of(values)));
  write_npy(path, {6}, values);  // replaces the old file
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': (6, )}", 128), bytes_of(values)));
  write_npy(path, {}, std::vector<float>{7});
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 64), bytes_of<float>({7})));
  write_npy(path, {2}, std::vector<double>{7, 1e-300});
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, )}", 128), bytes_of<double>({7, 1e-300})));
  write_npy(path, {0, 2}, std::vector<float>());
  CHECK(read_bytes(path) == header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2, )}", 128));
  CHECK(folder.names() == std::vector<std::string>{"array.npy"});
}

TEST_CASE("arrays of bytes are taken one after another", "[npy]") {
  const Bytes first_header = to_bytes(npy_bytes_header({2, 3})), second_header = to_bytes(npy_bytes_header({0}));
  CHECK(first_header == header("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, )}", 128));
  const Bytes content = joined(joined(joined(first_header, to_bytes("abcdef")), second_header),
                               joined(to_bytes(npy_bytes_header({})), to_bytes("g and more")));
  std::span<const std::byte> rest = content;
  const auto take = [&] {
    const NpyBytes array = take_npy_bytes(rest, "name");
    return std::pair{array.shape, Bytes(array.values.begin(), array.values.end())};
  };
  CHECK(take() == std::pair{Shape{2, 3}, to_bytes("abcdef")});
  CHECK(take() == std::pair{Shape{0}, Bytes()});
  CHECK(take() == std::pair{Shape{}, to_bytes("g")});
  CHECK(rest.size() == 9);
  CHECK(is_one_line_with(data_error(take), "name: is no array"));
  CHECK(rest.size() == 9);
}

TEST_CASE("a header has the same length for every count of images", "[npy]") {
  for (const int64_t side : {1, 64, 4096}) {
    const size_t empty = npy_bytes_header({0, side, side, 3}).size();
    for (const int64_t count : {int64_t{1}, int64_t{202'599}, int64_t{10'000'000'000}})
      CHECK(npy_bytes_header({count, side, side, 3}).size() == empty);
  }
}

TEST_CASE("bytes that are no array of bytes are refused", "[npy]") {
  const auto error = [](const Bytes& bytes) {
    std::span<const std::byte> rest = bytes;
    return data_error([&] { take_npy_bytes(rest, "na\nme"); });
  };
  const std::string shape = npy_bytes_header({5});
  CHECK(is_one_line_with(error(to_bytes(shape + "1234")), "[5] is not all there; 4 bytes"));
  CHECK(error(to_bytes(shape + "12345")).empty());
  for (size_t size = 0; size < shape.size(); ++size) CHECK_FALSE(error(to_bytes(shape.substr(0, size))).empty());
  const auto with = [&](const std::string& dictionary) { return error(joined(header(dictionary, 128), Bytes(1000))); };
  CHECK(with("{'descr': '|u1', 'fortran_order': False, 'shape': (5, )}").empty());
  for (const char* dictionary : {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, )}",
                                 "{'descr': '|u1', 'fortran_order': True, 'shape': (5, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (-5, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (5 )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9999999999, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, )}"}) {
    INFO(dictionary);
    CHECK(is_one_line_with(with(dictionary), "na\\x0ame: "));
  }
}

TEST_CASE("arrays of floats are read, whatever their precision and version", "[npy]") {
  const std::vector<float> values = {1, -2.5f, 1e-40f, 3, 4, 5};
  const Bytes single = joined(header(kFloats32, 128), bytes_of(values));
  const NpyFloats floats = parse_npy_floats(single, "name");
  CHECK(floats.shape == Shape{3, 2});
  CHECK_FALSE(floats.is_double);
  CHECK(floats.to_floats() == values);
  CHECK(floats.to_doubles() == std::vector<double>(values.begin(), values.end()));

  const std::vector<double> precise = {0.1, -1e-300, 1e300};
  const Bytes twice = joined(header("{ 'shape':(3 ,),'descr':'<f8' , 'fortran_order':True}", 128),
                             bytes_of(precise));  // 1-d: no matter
  const NpyFloats doubles = parse_npy_floats(twice, "name");
  CHECK(doubles.shape == Shape{3});
  CHECK(doubles.is_double);
  CHECK(doubles.to_doubles() == precise);
  CHECK(doubles.to_floats() == std::vector<float>{0.1f, -0.0f, std::numeric_limits<float>::infinity()});

  Bytes second = to_bytes("\x93NUMPY\x02");
  for (const size_t byte : {size_t{0}, kFloats32.size(), size_t{0}, size_t{0}, size_t{0}})
    second.push_back(std::byte(byte));
  second = joined(joined(second, to_bytes(kFloats32)), bytes_of(values));
  CHECK(parse_npy_floats(second, "name").to_floats() == values);

  const Bytes scalar = joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 128), Bytes(4));
  CHECK(parse_npy_floats(scalar, "name").shape == Shape{});
}

TEST_CASE("what is written is read", "[npy]") {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", {1, 2, 3}, std::vector<double>{1, 2, 3, 4, 5, 1.0 / 3});
  const Bytes bytes = read_bytes(folder / "a.npy");
  CHECK(parse_npy_floats(bytes, "a").shape == Shape{1, 2, 3});
  CHECK(parse_npy_floats(bytes, "a").to_doubles().back() == 1.0 / 3);
}

TEST_CASE("bytes that are no array of floats are refused", "[npy]") {
  const Bytes whole = joined(header(kFloats32, 128), Bytes(24));
  REQUIRE(floats_error(whole).empty());
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(is_one_line_with(floats_error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                           "na\\x0ame: "));
  CHECK(is_one_line_with(floats_error(joined(whole, Bytes(1))), "[3, 2] takes 24 bytes, and 25"));
  Bytes newer = whole;
  newer[6] = std::byte{3};
  CHECK(is_one_line_with(floats_error(newer), "version 1 or 2"));

  const auto with = [&](const std::string& dictionary) {
    return floats_error(joined(header(dictionary, 128), Bytes(24)));
  };
  const auto dictionary = [](const std::string& type, const std::string& order, const std::string& shape) {
    return "{'descr': " + type + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  };
  REQUIRE(with(dictionary("'<f4'", "False", "(3, 2)")).empty());
  CHECK(is_one_line_with(with(dictionary("'<i8'", "False", "(3,)")), "'<i8'; make them float32 or float64"));
  CHECK(is_one_line_with(with(dictionary("'>f4'", "False", "(3, 2)")), "little-endian"));
  CHECK(is_one_line_with(with(dictionary("[('x', '<f4')]", "False", "(6,)")), "header"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "True", "(3, 2)")), "ascontiguousarray"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "False", "(4611686018427387904, 2)")), "overflow"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "False", "(1000000000000,)")), "4000000000000 bytes"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "False", "(1, 1, 1, 1, 1, 6)")), "rank 6"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 6)")), "header"));
  CHECK(is_one_line_with(with(dictionary("'<f4'", "False", "(-3, 2)")), "negative"));
  for (const char* shape : {"(3, 2", "3, 2)", "(3 2)", "(a,)", "(99999999999999999999,)", "()()", "(,)"})
    CHECK_FALSE(with(dictionary("'<f4'", "False", shape)).empty());
  for (const char* text : {"", "{}", "{'descr': '<f4', 'shape': (3, 2)}", "{'descr': '<f4'", "{'descr': '<f4",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}",
                           "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3, 2)}",
                           "{'descr': '<f4' 'fortran_order': False, 'shape': (3, 2)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)} and more"})
    CHECK(is_one_line_with(with(text), "header"));
}

TEST_CASE("arrays that cannot be written are errors", "[npy]") {
  const TemporaryFolder folder;
  const std::vector<float> values = {1, 2, 3};
  CHECK_THROWS_AS(write_npy(folder / "a.npy", {2}, values), ShapeError);
  CHECK(folder.names().empty());
  CHECK(is_one_line_with(data_error([&] { write_npy(folder / "no/such/a.npy", {3}, values); }), "a.npy"));
}

}  // namespace wasserkern::testing
