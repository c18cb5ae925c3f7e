package dev.clessidra.engine.io;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of JSON (RFC 8259) that a safetensors header is made of: objects, arrays, strings and
 * whole numbers, read strictly (no duplicate names, no other values, nothing after the end but
 * white space).
 */
final class Json {
  private static final int MAXIMUM_DEPTH = 8;

  private final String text;
  private int position;

  private Json(String text) {
    this.text = text;
  }

  /** What is wrong with a text that is not JSON as described above. */
  static final class SyntaxException extends Exception {
    private static final long serialVersionUID = 1L;

    SyntaxException(String message) {
      super(message);
    }
  }

  /** Reads one object; values are {@code Map}, {@code List}, {@code String} or {@code Long}. */
  static Map<String, Object> readObject(byte[] utf8) throws SyntaxException {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      throw new SyntaxException("it is not UTF-8 text");
    }
    Json json = new Json(text);
    Map<String, Object> object = json.object(1);
    json.skipSpace();
    if (json.position != text.length()) {
      throw json.error("expected the end");
    }
    return object;
  }

  private Map<String, Object> object(int depth) throws SyntaxException {
    Map<String, Object> result = new LinkedHashMap<>();
    expect('{');
    skipSpace();
    if (take('}')) {
      return result;
    }
    do {
      skipSpace();
      String name = string();
      skipSpace();
      expect(':');
      Object value = value(depth);
      if (result.put(name, value) != null) {
        throw error("the name \"" + name + "\" is there twice, before");
      }
      skipSpace();
    } while (take(','));
    expect('}');
    return result;
  }

  private List<Object> array(int depth) throws SyntaxException {
    List<Object> result = new ArrayList<>();
    expect('[');
    skipSpace();
    if (take(']')) {
      return result;
    }
    do {
      result.add(value(depth));
      skipSpace();
    } while (take(','));
    expect(']');
    return result;
  }

  private Object value(int depth) throws SyntaxException {
    skipSpace();
    if (depth >= MAXIMUM_DEPTH) {
      throw error("nested too deeply");
    }
    char c = peek();
    return switch (c) {
      case '{' -> object(depth + 1);
      case '[' -> array(depth + 1);
      case '"' -> string();
      default -> number();
    };
  }

  private Long number() throws SyntaxException {
    int start = position;
    if (peek() == '-') {
      position++;
    }
    int digits = position;
    while (peek() >= '0' && peek() <= '9') {
      position++;
    }
    boolean leadingZero = position - digits > 1 && text.charAt(digits) == '0';
    if (position == digits || leadingZero || ".eE".indexOf(peek()) >= 0) {
      position = start;
      throw error("expected an object, an array, a string or a whole number");
    }
    try {
      return Long.valueOf(text.substring(start, position));
    } catch (NumberFormatException e) {
      position = start;
      throw error("the number is too large");
    }
  }

  private String string() throws SyntaxException {
    expect('"');
    StringBuilder result = new StringBuilder();
    while (true) {
      if (position == text.length()) {
        throw error("a string has no end");
      }
      char c = text.charAt(position++);
      if (c == '"') {
        return result.toString();
      } else if (c < ' ') {
        position--;
        throw error("a string holds a control character");
      } else if (c == '\\') {
        result.append(escaped());
      } else {
        result.append(c);
      }
    }
  }

  private char escaped() throws SyntaxException {
    char c = peek();
    position++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int code = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(peek(), 16);
          if (digit < 0 || peek() > 'f') {
            throw error("expected four hexadecimal digits");
          }
          code = code * 16 + digit;
          position++;
        }
        yield (char) code;
      }
      default -> {
        position--;
        throw error("unknown escape in a string");
      }
    };
  }

  /** The next character; 0, which is in no valid text, at the end. */
  private char peek() {
    return position < text.length() ? text.charAt(position) : 0;
  }

  private boolean take(char c) {
    if (peek() == c) {
      position++;
      return true;
    }
    return false;
  }

  private void expect(char c) throws SyntaxException {
    if (!take(c)) {
      throw error("expected '" + c + "'");
    }
  }

  private void skipSpace() {
    while (" \t\n\r".indexOf(peek()) >= 0) {
      position++;
    }
  }

  private SyntaxException error(String what) {
    return new SyntaxException(what + " at character " + position);
  }

  /** Appends a string with its quotes; everything but quotes, backslashes and controls as it is. */
  static void writeString(StringBuilder out, String value) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
