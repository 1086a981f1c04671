package serveflow;

/** What a model can read of a packet: fields of cascade/nprint/FEATURES.md, whose names are these in small letters. */
enum Field {
    DIR, LOG_GAP, IP_LEN, IP_HL, IP_TOS, IP_TTL, IP_DF, IP_ID0, PAYLOAD_LEN, TCP_FLAGS, TCP_WINDOW, TCP_HL, TCP_MSS, TCP_WSCALE, TCP_SACK_OK,
    TCP_TS, TCP_OPTS, TCP_OPT_ORDER, TCP_SACKS, UDP_LEN;

    static final int COUNT = values().length;
    static final int ABSENT = -1;
}
