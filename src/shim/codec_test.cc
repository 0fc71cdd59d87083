#include "shim/codec.h"

#include <set>

#include "gtest/gtest.h"

namespace crisp::shim {
namespace {

Start SampleStart() {
  Start start;
  start.container_id = std::string(64, 'a');
  start.bundle = "/run/crisp/pods/p/c";
  start.exit_path = "/var/lib/crisp/containers/c/exit";
  start.log_path = "";
  start.log_line_limit = -1;
  start.runtime_binary = "/usr/sbin/runc";
  start.runtime_root = "/run/crisp/runc";
  start.runtime_flags = Start::kSystemdCgroup | Start::kNoNewKeyring;
  start.cgroups_path = "kubepods.slice:crisp:c";
  start.timeout_ns = 1ULL << 63;
  start.stdio_flags = Start::kStdin | Start::kTerminal;
  start.stdio_uid = 200000;
  start.stdio_gid = 300000;
  start.log_wait_ns = 7;
  return start;
}

TEST(CodecTest, EveryFieldOfAStartComesBack) {
  const Start sent = SampleStart();
  const std::string packet = Encode(7, sent);
  Header header;
  ASSERT_TRUE(DecodeHeader(packet, &header));
  EXPECT_EQ(header.type, Type::kStart);
  EXPECT_EQ(header.id, 7u);
  Start got;
  ASSERT_TRUE(Decode(packet, &got));
  EXPECT_EQ(got.container_id, sent.container_id);
  EXPECT_EQ(got.bundle, sent.bundle);
  EXPECT_EQ(got.exit_path, sent.exit_path);
  EXPECT_EQ(got.log_path, "");
  EXPECT_EQ(got.log_line_limit, -1);
  EXPECT_EQ(got.runtime_binary, sent.runtime_binary);
  EXPECT_EQ(got.runtime_root, sent.runtime_root);
  EXPECT_EQ(got.runtime_flags, sent.runtime_flags);
  EXPECT_EQ(got.cgroups_path, sent.cgroups_path);
  EXPECT_EQ(got.timeout_ns, 1ULL << 63);
  EXPECT_EQ(got.stdio_flags, sent.stdio_flags);
  EXPECT_EQ(got.stdio_uid, 200000u);
  EXPECT_EQ(got.stdio_gid, 300000u);
}

TEST(CodecTest, TheBytesAreThoseThatTheProtocolSays) {
  const std::string packet = Encode(0x0102030405060708, Kill{"ab", 15, 1});
  const unsigned char expected[] = {4, 0, 0, 0, 0, 0, 0,   0,   8,  7, 6, 5, 4, 3,
                                    2, 1, 2, 0, 0, 0, 'a', 'b', 15, 0, 0, 0, 1};
  EXPECT_EQ(packet, std::string(reinterpret_cast<const char*>(expected), sizeof(expected)));
}

// A packet may end where one of an older version does, or after any field that was added since.
TEST(CodecTest, EveryOtherTruncationIsRefused) {
  const std::string packet = Encode(1, SampleStart());
  const size_t version_2 =
      packet.size() - sizeof(Start::stdio_uid) - sizeof(Start::stdio_gid) - sizeof(Start::log_wait_ns);
  const size_t version_1 = version_2 - sizeof(Start::stdio_flags);
  const size_t with_uid = version_2 + sizeof(Start::stdio_uid);
  const std::set<size_t> whole = {version_1, version_2, with_uid, with_uid + sizeof(Start::stdio_gid)};
  for (size_t size = 0; size < packet.size(); ++size) {
    Start start;
    EXPECT_EQ(Decode(packet.substr(0, size), &start), whole.count(size) > 0) << size;
  }
}

TEST(CodecTest, WhatAnOlderPeerDoesNotSendHasItsDefault) {
  const std::string packet = Encode(1, SampleStart());
  Start start;
  ASSERT_TRUE(Decode(packet, &start));
  EXPECT_EQ(start.stdio_flags, Start::kStdin | Start::kTerminal);
  EXPECT_EQ(start.log_wait_ns, 7u);
  const size_t version_2 =
      packet.size() - sizeof(Start::stdio_uid) - sizeof(Start::stdio_gid) - sizeof(Start::log_wait_ns);
  Start older;
  ASSERT_TRUE(Decode(packet.substr(0, version_2), &older));
  EXPECT_EQ(older.stdio_flags, Start::kStdin | Start::kTerminal);
  EXPECT_EQ(older.stdio_uid, 0u);
  EXPECT_EQ(older.stdio_gid, 0u);
  EXPECT_EQ(older.log_wait_ns, 5'000'000'000u);
  Start oldest;
  ASSERT_TRUE(Decode(packet.substr(0, version_2 - sizeof(Start::stdio_flags)), &oldest));
  EXPECT_EQ(oldest.stdio_flags, 0u);
  EXPECT_EQ(oldest.timeout_ns, 1ULL << 63);
}

TEST(CodecTest, WhatANewerPeerAppendsIsSkipped) {
  const std::string packet = Encode(1, SampleStart()) + "fields of a later version";
  Start start;
  EXPECT_TRUE(Decode(packet, &start));
  EXPECT_EQ(start.timeout_ns, 1ULL << 63);
}

TEST(CodecTest, AnOlderShimDoesNotTellWhenItRanTheRuntime) {
  const std::string packet = Encode(1, Started{7, 8, {10, 20}, {30, 40}});
  Started started;
  ASSERT_TRUE(Decode(packet, &started));
  EXPECT_EQ(started.create.ended, 20);
  EXPECT_EQ(started.start.begun, 30);
  Started older;
  ASSERT_TRUE(Decode(packet.substr(0, packet.size() - 2 * sizeof(RunTimes)), &older));
  EXPECT_EQ(older.pid, 7u);
  EXPECT_EQ(older.create.begun + older.start.ended, 0);
  const std::string exec = Encode(1, ExecDone{3, {10, 20}});
  ExecDone done;
  ASSERT_TRUE(Decode(exec.substr(0, exec.size() - sizeof(RunTimes)), &done));
  EXPECT_EQ(done.exit_code, 3u);
  EXPECT_EQ(done.exec.begun, 0);
}

TEST(CodecTest, AppendedFieldsThatAreNotThereCanBeTold) {
  const std::string packet = Encode(1, Cancel{5});
  Decoder decoder(std::string_view(packet).substr(kHeaderSize));
  uint64_t request = 0;
  EXPECT_TRUE(decoder.more());
  decoder.U64(request);
  EXPECT_FALSE(decoder.more());
  EXPECT_TRUE(decoder.ok());
}

TEST(CodecTest, ATextOverItsCapIsRefusedByBothEnds) {
  EXPECT_EQ(Encode(1, ReopenLog{std::string(kMaxId + 1, 'x')}), "");
  std::string packet = Encode(1, ReopenLog{std::string(kMaxId, 'x')});
  ASSERT_FALSE(packet.empty());
  packet[kHeaderSize] = static_cast<char>((kMaxId + 1) & 0xff);
  packet[kHeaderSize + 1] = static_cast<char>((kMaxId + 1) >> 8);
  packet += 'x';
  ReopenLog message;
  EXPECT_FALSE(Decode(packet, &message));
}

TEST(CodecTest, ALengthBeyondThePacketTakesNoMemory) {
  std::string packet = Encode(1, ExecOutput{1, "data"});
  for (size_t i = 0; i < 4; ++i) packet[kHeaderSize + 1 + i] = static_cast<char>(0xff);
  ExecOutput message;
  EXPECT_FALSE(Decode(packet, &message));
  EXPECT_TRUE(message.data.empty());
}

TEST(CodecTest, TheLargestMessagesFitAPacket) {
  Start start = SampleStart();
  for (std::string* path : {&start.bundle, &start.exit_path, &start.log_path, &start.runtime_binary,
                            &start.runtime_root, &start.cgroups_path}) {
    path->assign(kMaxPath, 'p');
  }
  start.container_id.assign(kMaxId, 'i');
  EXPECT_FALSE(Encode(1, start).empty());
  const std::string chunk(kMaxChunk, 'c');
  EXPECT_FALSE(Encode(1, ExecOutput{2, chunk}).empty());
}

TEST(CodecTest, AnEncoderNeverWritesPastItsBuffer) {
  const Start start = SampleStart();
  const size_t whole = Encode(1, start).size();
  std::string buffer(whole + 8, '#');
  for (size_t capacity = 0; capacity < whole; ++capacity) {
    Start copy = start;
    EXPECT_TRUE(EncodeInto(buffer.data(), capacity, 1, copy).empty()) << capacity;
    EXPECT_EQ(buffer[capacity], '#') << capacity;
    std::fill(buffer.begin(), buffer.end(), '#');
  }
}

}  // namespace
}  // namespace crisp::shim
