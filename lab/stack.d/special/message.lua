if mode() == "load" then
    LmodMessage("AlphaFold's databases are not part of the stack: set ALPHAFOLD_DATA_DIR to yours.")
end
