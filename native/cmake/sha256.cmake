# Writes the SHA-256 of ${FILE}, in hex, to ${FILE}.sha256: whoever unpacks the library checks it.
file(SHA256 "${FILE}" digest)
file(WRITE "${FILE}.sha256" "${digest}\n")
