/// Characters that are drawn as Latin letters. A choice of those that fonts draw alike, not all of Unicode's confusables.
enum Lookalikes {
    /// The ASCII letter or digit that a character looks like, else the character itself.
    static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.isASCII { return scalar }
        for (range, first) in ranges where range.contains(scalar.value) {
            return Unicode.Scalar(first.value + scalar.value - range.lowerBound) ?? scalar
        }
        // Mathematical letters: A to Z and a to z, in one style after the other.
        if (0x1D400...0x1D6A3).contains(scalar.value) {
            let place = (scalar.value - 0x1D400) % 52
            return Unicode.Scalar(place < 26 ? 0x41 + place : 0x61 + place - 26) ?? scalar
        }
        return letters[scalar] ?? scalar
    }

    /// Runs of characters that stand for a run of ASCII: full-width forms, letters in circles, small Roman numerals aside.
    private static let ranges: [(ClosedRange<UInt32>, Unicode.Scalar)] = [
        (0xFF01...0xFF5E, "!"), (0x24B6...0x24CF, "A"), (0x24D0...0x24E9, "a"), (0x1D7CE...0x1D7D7, "0"),
        (0x1D7D8...0x1D7E1, "0"), (0x1D7E2...0x1D7EB, "0"), (0x1D7EC...0x1D7F5, "0"), (0x1D7F6...0x1D7FF, "0"),
        (0x1F130...0x1F149, "A"),
    ]

    private static let letters: [Unicode.Scalar: Unicode.Scalar] = {
        var found: [Unicode.Scalar: Unicode.Scalar] = [:]
        for (like, plain) in pairs {
            for (one, other) in zip(like.unicodeScalars, plain.unicodeScalars) { found[one] = other }
        }
        return found
    }()

    private static let pairs: [(String, String)] = [
        // Cyrillic and Armenian.
        ("авекмнорстухіјѕԁԛԝһոӏ", "abekmhopctyxijsdqwhnl"),
        // Greek, small and capital letters.
        ("αβεικνορτυχ", "abeikvoptux"), ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        // Small capitals.
        ("ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", "abcdeghijklmnoprtuvwyz"),
        // Letters above the line.
        ("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", "abcdefghijklmnoprstuvwxyz"),
        // Roman numerals of one letter, and others.
        ("ⅰⅴⅹⅼⅽⅾⅿ", "ivxlcdm"), ("ⅠⅤⅩⅬⅭⅮⅯ", "IVXLCDM"), ("ıɑɡ", "iag"),
        // Cherokee.
        ("ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ", "ABCDEGHiJKLMPRSTVWZ"),
    ]
}
