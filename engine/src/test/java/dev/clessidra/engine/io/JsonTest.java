package dev.clessidra.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  private static Map<String, Object> read(String text) throws Json.SyntaxException {
    return Json.readObject(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void readsObjectsArraysStringsAndWholeNumbers() throws Json.SyntaxException {
    assertThat(read("{ \"a\" : [1, -2, 0], \"b\":{\"c\":\"d\"}, \"e\":[], \"f\":{}} \n"))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "a", List.of(1L, -2L, 0L), "b", Map.of("c", "d"), "e", List.of(), "f", Map.of()));
  }

  @Test
  void readsWhatItWrites() throws Json.SyntaxException {
    String text = "quote \" backslash \\ newline \n tab \t null \0 é 漢 😀";
    StringBuilder json = new StringBuilder("{");
    Json.writeString(json, text);
    json.append(":");
    Json.writeString(json, text);
    assertThat(read(json.append("}").toString())).isEqualTo(Map.of(text, text));
  }

  @Test
  void readsEscapes() throws Json.SyntaxException {
    assertThat(read("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}"))
        .isEqualTo(Map.of("a", "\"\\/\b\f\n\r\té😀"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":true}",
        "{\"a\":null}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":99999999999999999999}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":\"b}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":[[[[[[[[[[1]]]]]]]]]]}"
      })
  void refusesEverythingElse(String text) {
    assertThatThrownBy(() -> read(text)).isInstanceOf(Json.SyntaxException.class);
  }

  @Test
  void saysWhereTheErrorIs() {
    assertThatThrownBy(() -> read("{\"a\" 1}")).hasMessage("expected ':' at character 5");
    assertThatThrownBy(() -> read("{\"a\":1,\"a\":2}"))
        .hasMessageStartingWith("the name \"a\" is there twice");
    assertThatThrownBy(() -> Json.readObject(new byte[] {'{', (byte) 0xff, '}'}))
        .hasMessage("it is not UTF-8 text");
  }
}
