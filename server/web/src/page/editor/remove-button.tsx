import { X } from 'lucide-react'

export function RemoveButton({ label, onClick }: { label: string; onClick(): void }) {
  return (
    <button
      type="button"
      className="icon-button icon-small"
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <X size={16} aria-hidden />
    </button>
  )
}
