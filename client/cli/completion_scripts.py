"""What shells need to ask `krakencopy completion words` for what can follow. A candidate is a line: the word,
a tab, what it is. A line `:files` says that the shell knows best.
"""

from __future__ import annotations

BASH = r"""# Completion of krakencopy for bash:  source <(krakencopy completion bash)
_krakencopy() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o default
        else
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <("${COMP_WORDS[0]/#\~/$HOME}" completion words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _krakencopy krakencopy
"""
ZSH = r"""# Completion of krakencopy for zsh:  source <(krakencopy completion zsh)
_krakencopy() {
    local line word
    local -a found
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            _files
            return
        fi
        word=${line%%$'\t'*}
        found+=("${word//:/\\:}:${line#*$'\t'}")
    done < <("${words[1]/#\~/$HOME}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe 'krakencopy' found
}
compdef _krakencopy krakencopy
"""
FISH = r"""# Completion of krakencopy for fish:  krakencopy completion fish | source
function __krakencopy_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    for line in (command $words[1] completion words $words[2..-1] "$last" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$last"
        else
            printf '%s\n' "$line"
        end
    end
end
complete -c krakencopy -f -a '(__krakencopy_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
