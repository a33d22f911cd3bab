/** The scripts by which shells ask `podtap` itself what can stand at the cursor. Pure. */

/** The shells that are known. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of SHELLS. */
export type Shell = (typeof SHELLS)[number]

/** The hidden command that answers: words, one a line, and `:files` where names of files are meant. */
export const COMPLETE_COMMAND = '__complete'

/** The script for a shell; there is nothing in it that a new command or option would change. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell]
}

const BASH = `# bash completion for podtap: source <(podtap completion bash)
_podtap() {
  local line words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    else
      COMPREPLY+=("$line")
    fi
  done < <("\${COMP_WORDS[0]}" ${COMPLETE_COMMAND} "\${words[@]}" 2>/dev/null)
}
complete -F _podtap podtap
`

const ZSH = `#compdef podtap
# zsh completion for podtap: source <(podtap completion zsh)
_podtap() {
  local -a answers
  answers=("\${(@f)$("\${words[1]}" ${COMPLETE_COMMAND} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${answers[(r):files]} == :files ]]; then
    _files
    answers=("\${(@)answers:#:files}")
  fi
  compadd -- "\${(@)answers:#}"
}
compdef _podtap podtap
`

const FISH = `# fish completion for podtap: podtap completion fish | source
function __podtap_complete
  set -l words (commandline -opc) (commandline -ct)
  for answer in ($words[1] ${COMPLETE_COMMAND} $words[2..-1] 2>/dev/null)
    if test "$answer" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $answer
    end
  end
end
complete -c podtap -f -a '(__podtap_complete)'
`
