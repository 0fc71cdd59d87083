#include "shim/state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/fd.h"
#include "shim/codec.h"
#include "shim/state_codec.h"
#include "shim/state_file.h"

namespace crisp::shim {
namespace {

// Sets every field that a record lists to a value of its own: texts, numbers, descriptors and two records of each list.
class Filler {
 public:
  template <typename T>
  void Integer(T& value) {
    value = static_cast<T>(++next_);
  }
  void U8(uint8_t& value) { Integer(value); }
  void U16(uint16_t& value) { Integer(value); }
  void U32(uint32_t& value) { Integer(value); }
  void U64(uint64_t& value) { Integer(value), value <<= 40; }
  void I64(int64_t& value) { Integer(value), value <<= 40; }
  void Text(std::string& value, size_t) { value = "text " + std::to_string(++next_); }
  void Descriptor(int& fd) { fd = 1000 + static_cast<int>(++next_); }
  template <typename T>
  void Record(T& record) {
    record.Fields(*this);
  }
  template <typename T>
  void List(std::vector<T>& records) {
    records.resize(2);
    for (T& record : records) Record(record);
  }
  bool more() const { return true; }

 private:
  uint8_t next_ = 0;
};

template <typename T>
std::string BytesOf(T& record, std::vector<int>* descriptors) {
  StateEncoder encoder(descriptors);
  encoder.Record(record);
  EXPECT_TRUE(encoder.ok());
  return encoder.bytes();
}

TEST(StateTest, EveryFieldIsHandedOver) {
  ShimState state;
  Filler().Record(state);
  std::vector<int> descriptors;
  const std::string bytes = BytesOf(state, &descriptors);
  ShimState copy;
  std::vector<int> read;
  StateDecoder decoder(bytes, &read);
  decoder.Record(copy);
  ASSERT_TRUE(decoder.ok());
  EXPECT_FALSE(decoder.more());
  EXPECT_EQ(read, descriptors);
  EXPECT_GT(descriptors.size(), 20u);
  std::vector<int> again;
  EXPECT_EQ(BytesOf(copy, &again), bytes);
  EXPECT_EQ(copy.containers[1].io.pump.writer.pending, state.containers[1].io.pump.writer.pending);
  EXPECT_EQ(copy.containers[1].exec_cgroups.emptying[1].dir.path,
            state.containers[1].exec_cgroups.emptying[1].dir.path);
}

// A state that a shim with one container, one exec and one attached client may have.
ShimState SampleState() {
  ShimState state;
  state.listener = 10;
  state.children = {{100, 11}, {101, 12}};
  state.connections.emplace_back().socket = 13;
  ContainerState& container = state.containers.emplace_back();
  container.request.container_id = "a";
  container.pid = 100;
  container.io.tees[0].held = "not taken";
  container.io.tees[0].clients = {{7, 14, 5, 0}};
  container.io.pump.logged = 1;
  container.io.pump.writer = {15, 1, {"carry", ""}, "one\nfour\n", {{4}, {5}}, 28};
  container.io.pump.retry_due = 1;
  container.io.pump.read_ends[0] = 16;
  container.io.input = {17, 0, 0, {{7, 18}}};
  CollectedExecState& exec = state.collected.emplace_back();
  exec.session = {0, 3, "a", 6};
  exec.process.pid = 101;
  exec.ends[0] = 19;
  state.attachments.emplace_back().session = {0, 4, "a", 7};
  return state;
}

std::string Encoded(ShimState state) {
  std::vector<int> descriptors;
  return EncodeState(state, &descriptors);
}

std::string WhyNot(std::string_view bytes) {
  ShimState state;
  std::vector<int> descriptors;
  return DecodeState(bytes, &state, &descriptors);
}

TEST(StateTest, AWholeStateIsRead) {
  const std::string bytes = Encoded(SampleState());
  ShimState copy;
  std::vector<int> descriptors;
  EXPECT_EQ(DecodeState(bytes, &copy, &descriptors), "");
  EXPECT_THAT(descriptors, testing::UnorderedElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
  EXPECT_EQ(copy.containers[0].io.pump.writer.carry[0], "carry");
}

TEST(StateTest, ACutStateIsRefusedWhereverItIsCut) {
  const std::string bytes = Encoded(SampleState());
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(WhyNot(bytes.substr(0, size)), "") << size;
}

TEST(StateTest, AForeignOrNewerStateIsRefused) {
  EXPECT_EQ(WhyNot(""), "it is not the state of a shim");
  EXPECT_EQ(WhyNot("some other file of some length"), "it is not the state of a shim");
  std::string bytes = Encoded(SampleState());
  const size_t version_at = 4 + std::string_view("crisp-shim state").size();
  ASSERT_EQ(bytes[version_at], static_cast<char>(kStateVersion));
  for (const uint32_t version : {uint32_t{0}, kStateVersion + 1}) {
    bytes[version_at] = static_cast<char>(version);
    EXPECT_EQ(WhyNot(bytes), "its version is " + std::to_string(version));
  }
}

// A later program appends fields: to the state, and to each record in it.
struct LaterChild : ChildState {
  std::string later = "added later";
  template <typename Codec>
  void Fields(Codec& c) {
    ChildState::Fields(c);
    if (c.more()) c.Text(later, 100);
  }
};

TEST(StateTest, AppendedFieldsOfARecordAreSkippedAndMissingOnesKeepTheirDefaults) {
  std::vector<int> descriptors;
  std::vector<LaterChild> later(2);
  later[1].pid = 5;
  later[1].later = "other";
  StateEncoder encoder(&descriptors);
  encoder.List(later);
  std::vector<ChildState> children;
  StateDecoder older(encoder.bytes(), &descriptors);
  older.List(children);
  ASSERT_TRUE(older.ok());
  ASSERT_EQ(children.size(), 2u);
  EXPECT_EQ(children[1].pid, 5u);

  StateEncoder back(&descriptors);
  back.List(children);
  std::vector<LaterChild> read;
  StateDecoder newer(back.bytes(), &descriptors);
  newer.List(read);
  ASSERT_TRUE(newer.ok());
  EXPECT_EQ(read[1].later, "added later");
}

TEST(StateTest, AStateThatContradictsItselfIsRefused) {
  const std::vector<std::function<void(ShimState&)>> changes = {
      [](ShimState& s) { s.listener = 11; },                                   // a descriptor of two owners
      [](ShimState& s) { s.listener = 2; },                                    // stdio
      [](ShimState& s) { s.listener = -1; },                                   //
      [](ShimState& s) { s.asked_by = 1; },                                    // no such connection
      [](ShimState& s) { s.connections[0].socket = -1; },                      //
      [](ShimState& s) { s.children.pop_back(); },                             // the exec's process
      [](ShimState& s) { s.containers[0].pid = 102; },                         // no child
      [](ShimState& s) { s.containers[0].io.tees[0].clients[0].left = 10; },   // more than is held
      [](ShimState& s) { s.containers[0].io.tees[0].clients[0].id = 8; },      // nobody's client
      [](ShimState& s) { s.containers[0].io.input.sources[0].client = 8; },    //
      [](ShimState& s) { s.containers[0].io.input.sink = -1; },                //
      [](ShimState& s) { s.containers[0].io.pump.writer.pending = "one\n"; },  // not its lines
      [](ShimState& s) { s.containers[0].io.pump.logged = 0; },                // what cannot be written
      [](ShimState& s) { s.containers.push_back(ContainerState(s.containers[0])); },
      [](ShimState& s) { s.collected[0].session.connection = 1; },
      [](ShimState& s) { s.collected[0].session.container_id = "b"; },
      [](ShimState& s) { s.attachments[0].session.container_id = "b"; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    ShimState state = SampleState();
    changes[i](state);
    EXPECT_EQ(WhyNot(Encoded(state)), "it contradicts itself") << "change " << i;
  }
}

bool ClosesOnExec(const Fd& fd) {
  return (fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(StateFileTest, ItsDescriptorsAreCloseOnExecAgain) {
  const Fd listener(open("/dev/null", O_RDONLY));
  const Fd socket(open("/dev/null", O_RDONLY));
  ShimState state;
  state.listener = listener.get();
  state.connections.emplace_back().socket = socket.get();
  std::vector<int> descriptors;
  const Fd file = WriteStateFile(state, &descriptors);
  ASSERT_TRUE(file.valid());
  EXPECT_LT(pwrite(file.get(), "x", 1, 0), 0) << "it can still be changed";
  ShimState copy;
  EXPECT_EQ(ReadStateFile(file.get(), &copy), "");
  EXPECT_EQ(copy.listener, listener.get());
  EXPECT_TRUE(ClosesOnExec(listener));
  EXPECT_TRUE(ClosesOnExec(socket));
}

TEST(StateFileTest, AStateWithADescriptorThatIsNotOpenIsRefusedAndTheOthersStayOpen) {
  const Fd listener(open("/dev/null", O_RDONLY));
  ShimState state;
  state.listener = listener.get();
  state.connections.emplace_back().socket = 1 << 20;
  std::vector<int> descriptors;
  const Fd file = WriteStateFile(state, &descriptors);
  ShimState copy;
  EXPECT_EQ(ReadStateFile(file.get(), &copy), "it names a descriptor that is not open");
  EXPECT_FALSE(ClosesOnExec(listener));
}

TEST(StateFileTest, OnlyASealedFileIsRead) {
  ShimState state;
  const Fd open_file(memfd_create("state", MFD_CLOEXEC));
  const std::string bytes = Encoded(SampleState());
  ASSERT_EQ(write(open_file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(ReadStateFile(open_file.get(), &state), "it is not a sealed file");
  EXPECT_EQ(ReadStateFile(1 << 20, &state), "it is not a sealed file");
}

TEST(StateFileTest, AStateThatCouldNotBeReadIsNotWritten) {
  ShimState state = SampleState();
  state.asked_by = 1;  // no such connection
  std::vector<int> descriptors;
  EXPECT_FALSE(WriteStateFile(state, &descriptors).valid());
  EXPECT_EQ(errno, EBADMSG);
}

}  // namespace
}  // namespace crisp::shim
