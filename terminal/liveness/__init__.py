"""Whether a person is there, or a picture of one: presentation-attack detection (ISO/IEC 30107).

Every cue has a physical reason and its own verdict (`cues`); `watch` gathers what one unbroken track showed, `policy`
decides by rules, never by an averaged number, and `challenge` says what to ask of somebody in doubt. Pixels are read in
`landmarks`, `flow`, `edges` and `weights`' models only, behind `eye.Eye`; the rest is values in, values out.
"""
